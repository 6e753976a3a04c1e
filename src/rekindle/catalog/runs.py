"""The record of imports: what was read, what was found, and whether it went live."""

from __future__ import annotations

from typing import Literal

import msgspec
import sqlalchemy as sa

from rekindle.catalog import _tables
from rekindle.catalog.changes import ChangeSummary
from rekindle.engines.database import Database
from rekindle.model.issue import Issue

Status = Literal["live", "unchanged", "held", "refused", "failed", "walking"]
"""``live``: the new state is the catalogue. ``unchanged``: nothing new was there. ``held``: read, but a guard keeps it
back (incomplete, shrunk, a field lost). ``refused``: the file is no catalogue. ``failed``: it could not be fetched.
``walking``: an account is being read and is not at its end; such a run is not written down."""


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """One import of one source.

    ``reason`` is a code and ``message`` the same in words, with the remedy; both empty when all is well. ``place`` is
    the file or address without secrets. ``codes`` counts every finding; ``issues`` holds the first of each kind.
    ``partial``: only what had changed was read.
    """

    source: str
    status: Status
    place: str
    started_ms: int
    finished_ms: int
    kind: str = ""
    items: int = 0
    previous_items: int = 0
    digest: str | None = None
    reason: str = ""
    message: str = ""
    codes: dict[str, int] = msgspec.field(default_factory=dict)
    errors: int = 0
    warnings: int = 0
    issues: list[Issue] = msgspec.field(default_factory=list)
    changes: ChangeSummary | None = None
    partial: bool = False

    @property
    def ok(self) -> bool:
        """Whether the catalogue is now what the source says."""
        return self.status in ("live", "unchanged")


_decoder = msgspec.msgpack.Decoder(RunResult)

KEEP = 200
"""Runs kept of each workspace."""


class RunLog:
    """Keeps the last runs of every workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, workspace: str, result: RunResult) -> None:
        """Write one run and forget the oldest beyond `KEEP`."""
        table = _tables.runs
        with self._database.begin() as connection:
            connection.execute(
                sa.insert(table).values(
                    workspace=workspace,
                    source=result.source,
                    started_ms=result.started_ms,
                    result=msgspec.msgpack.encode(result),
                )
            )
            mine = table.c.workspace == workspace
            last = connection.execute(
                sa.select(table.c.run).where(mine).order_by(table.c.run.desc()).offset(KEEP).limit(1)
            ).scalar()
            if last is not None:
                connection.execute(sa.delete(table).where(mine, table.c.run <= last))

    def latest(self, workspace: str, limit: int = 20, source: str | None = None) -> list[RunResult]:
        """Return the newest runs first."""
        table = _tables.runs
        query = sa.select(table.c.result).where(table.c.workspace == workspace)
        if source is not None:
            query = query.where(table.c.source == source)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.run.desc()).limit(limit)).all()
        return [_decoder.decode(row.result) for row in rows]
