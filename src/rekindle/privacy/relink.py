"""Rotation of the pseudonyms' key: everybody gets a new name, and what is known of them moves with them.

Within the window both keys are kept, and every name of a visitor leads to all of theirs (`Pseudonymiser.aliases`): what
comes in is named anew, what the log still holds is read under the new name, and what the rooms keep is moved, by
themselves when they hear of a visitor and by `Relink` for those they do not hear of. When the window is over, nothing is
left under the old names outside the log, and the log has dropped what is older; then the old key is destroyed, and older
copies lead to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.privacy._tables import rotations
from rekindle.privacy.keys import Keyring
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.subjects.holders import Holder

_PAGE = 500
_LOOK_MS = 60_000


class Rotation(msgspec.Struct, frozen=True):
    """One rotation: the epoch it began and the window, in milliseconds since 1970; ``retired_ms`` 0 while it is open."""

    epoch: int
    started_ms: int
    ends_ms: int
    retired_ms: int


class Relink:
    """Rotates, moves what is left under older names, and ends windows.

    ``record`` writes an act to the ledger (workspace, actor, action, detail) and raises when it cannot; then it is not
    done. One process at a time steps.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        names: Pseudonymiser,
        clock: Clock,
        holders: Sequence[Holder],
        record: Callable[[str, str, str, str], None],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._names = names
        self._clock = clock
        self._holders = holders
        self._record = record
        self._looked_ms = -_LOOK_MS

    def rotate(self, actor: str, window_ms: int) -> Rotation:
        """Begin a new epoch. Raises `KeyUnusable` and what the ledger raises."""
        now = self._clock()
        made = Rotation(self._keyring.pseudonym_epochs()[0] + 1, now, now + window_ms, 0)
        self._record("", actor, "pseudonyms.rotate", f"epoch {made.epoch}, window of {window_ms // 1000} s")
        values = msgspec.structs.asdict(made) | {"workspace": ""}
        statement = upsert(rotations, self._database.dialect).values(**values)
        with self._database.begin() as connection:  # before the key: an epoch without a window would never end
            connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "epoch"], set_=values))
        self._keyring.rotate("pseudonym")
        return made

    def all(self) -> list[Rotation]:
        """Return every rotation, newest first."""
        columns = [rotations.c[name] for name in Rotation.__struct_fields__]
        with self._database.read() as connection:
            rows = connection.execute(sa.select(*columns).order_by(rotations.c.epoch.desc())).all()
        return [Rotation(*row) for row in rows]

    def left(self) -> int:
        """Return how many pseudonyms the rooms still keep rows of under an older name."""
        with self._database.read() as connection:
            return sum(
                len({(row.workspace, row.subject) for row in self._old(connection, table, ("", ""), None)})
                for holder in self._holders
                for table in holder.tables
            )

    def step(self) -> int:
        """Once a minute while a window is open: move what is left, end what is over; return how much was done."""
        now = self._clock()
        if 0 <= now - self._looked_ms < _LOOK_MS:
            return 0
        self._looked_ms = now
        if len(self._keyring.pseudonym_epochs()) == 1:
            return 0
        return self.move() + self._end(now)

    def move(self) -> int:
        """Put everything that stands under an older name under the newest; return how many names."""
        return sum(self._move(holder, table) for holder in self._holders for table in holder.tables)

    def _move(self, holder: Holder, table: sa.Table) -> int:
        done, after = 0, ("", "")
        while True:
            with self._database.begin() as connection:
                rows = self._old(connection, table, after, _PAGE)
                renamed: dict[str, dict[str, str]] = {}
                for row in rows:
                    after, newest = (row.workspace, row.subject), self._names.current(row.subject)
                    if newest != row.subject:
                        renamed.setdefault(row.workspace, {})[row.subject] = newest
                for workspace, pairs in renamed.items():
                    holder.rename(connection, workspace, pairs, self._names, self._clock())
                    done += len(pairs)
            if len(rows) < _PAGE:
                return done

    def _old(self, connection: Connection, table: sa.Table, after: tuple[str, str], limit: int | None) -> Sequence[Any]:
        workspace, subject = table.c.workspace, table.c.subject
        older = [subject.startswith(f"s{epoch}_", autoescape=True) for epoch in self._keyring.pseudonym_epochs()[1:]]
        query = sa.select(workspace, subject).where(sa.or_(sa.false(), *older), sa.tuple_(workspace, subject) > after)
        return connection.execute(query.distinct().order_by(workspace, subject).limit(limit)).all()

    def _end(self, now: int) -> int:
        """Destroy the keys of epochs whose window is over; return how many."""
        ends = {rotation.epoch - 1: rotation for rotation in self.all() if not rotation.retired_ms}
        done = 0
        for epoch in sorted(self._keyring.pseudonym_epochs()[1:]):
            rotation = ends.get(epoch)
            if rotation is None or now < rotation.ends_ms or self.left():
                continue
            self._record("", "rekindle", "pseudonyms.retire", f"epoch {epoch}")
            self._keyring.retire_pseudonym_key(epoch)
            statement = sa.update(rotations).where(rotations.c.workspace == "", rotations.c.epoch == rotation.epoch)
            with self._database.begin() as connection:
                connection.execute(statement.values(retired_ms=now))
            done += 1
        return done
