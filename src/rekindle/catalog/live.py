"""Make a source's new part the live catalogue: what follows from it, and one transaction that all of it rests on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.catalog import _duck, _tables
from rekindle.catalog.changes import ChangeSummary
from rekindle.catalog.files import Files
from rekindle.catalog.making import Made, Making, Part
from rekindle.catalog.overlay import MOST, SHARE, Steps
from rekindle.catalog.snapshots import SnapshotStore
from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.workspace import Workspace

_TRIES: Final = 5


class Overtaken(Exception):
    """Another import of the workspace went live meanwhile; what was made from the state before is not the newest."""


class Published(msgspec.Struct, frozen=True):
    """The snapshot that is live now, what changed, and how many items the source has."""

    digest: str
    changes: ChangeSummary
    items: int


def key_of(state: Any) -> str:
    """Return what tells a source's parts apart."""
    return f"{state.digest} {state.patch_digest}"


class Live:
    """The live catalogue of one workspace, for writing. ``share`` and ``most`` bound patches (`overlay.Steps`)."""

    def __init__(
        self, workspace: Workspace, database: Database, blobs: Blobs, clock: Clock, *, share: float = SHARE,
        most: int = MOST,
    ) -> None:  # fmt: skip
        self._workspace, self._database, self._blobs, self._clock = workspace, database, blobs, clock
        self._snapshots = SnapshotStore(database, blobs)
        self._share, self._most = share, most

    def states(self, connection: Connection) -> dict[str, Any]:
        """Return what is known of every source that was tried."""
        table = _tables.sources
        rows = connection.execute(sa.select(table).where(table.c.workspace == self._workspace.name)).all()
        return {row.source: row for row in rows}

    def files(self, state: Any) -> Files:
        """Return the files of a source's part. Raises `BlobMissing`."""
        patch = self._blobs.path(state.patch_digest) if state.patch_digest else None
        return Files(self._blobs.path(state.digest), patch, int(state.items))

    def save(self, connection: Connection, source: str, values: dict[str, Any]) -> None:
        """Keep columns of a source."""
        key = {"workspace": self._workspace.name, "source": source}
        first = {"tried_ms": self._clock(), "items": 0}
        insert = upsert(_tables.sources, self._database.dialect).values(first | key | values)
        connection.execute(insert.on_conflict_do_update(index_elements=["workspace", "source"], set_=values))

    def publish(
        self, source: str, part: Part, folder: Path, more: Callable[[Connection], None] = lambda _: None
    ) -> Published:
        """Make ``part`` the source's, and the catalogue of all sources live; ``more`` is done in the same transaction.

        Raises `Overtaken` when what the part goes over is not the source's part any more.
        """
        for number in range(_TRIES):
            work = folder / f"live-{number}"
            work.mkdir()
            with self._database.read() as connection:
                before = self.states(connection)
                live = self._snapshots.live(connection, self._workspace.name)
            mine = before.get(source)
            if part.over and (mine is None or key_of(mine) != part.over):
                raise Overtaken
            with _duck.scratch(work) as engine:
                steps = Steps(engine, work, self._share, self._most)
                made = Making(self._workspace, self._blobs, self.files, engine, steps, work, self._clock())
                values = made.part(source, part, mine)
                state = made.snapshot(source, before, live, self._snapshots.files(live) if live else None)
            try:
                freed = self._write(source, before, {**part.marks, **values}, state, more)
            except Overtaken:
                continue
            self._snapshots.trim(self._workspace.name)
            if mine is not None:
                freed |= {mine.digest, mine.patch_digest, mine.ages_digest, mine.ages_patch_digest} - {None}
            self._snapshots.release(freed - set(values.values()))
            return Published(state.digest, state.changes, values["items"])
        raise Overtaken

    def _write(
        self,
        source: str,
        before: dict[str, Any],
        values: dict[str, Any],
        state: Made,
        more: Callable[[Connection], None],
    ) -> set[str]:
        freed: set[str] = set()
        with self._database.begin() as connection:
            if _keys(self.states(connection)) != _keys(before):
                raise Overtaken
            self.save(connection, source, values)
            if state.columns is not None:
                freed = self._snapshots.add(connection, self._workspace.name, state.digest, state.columns)
            more(connection)
        return freed


def _keys(states: dict[str, Any]) -> dict[str, str]:
    return {name: key_of(row) for name, row in states.items() if row.digest}


__all__ = ["Live", "Overtaken", "Part", "Published", "key_of"]
