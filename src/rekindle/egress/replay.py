"""Send events again: their outcomes are opened once more, and the lane does the rest as with any retry.

Permits, consent, seals, the id contract and the platform's window are decided anew, with what is known now. What each
event had come to before is in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress._counts import move_counts
from rekindle.egress._tables import outcomes, retries
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Entry
from rekindle.model.clock import Clock
from rekindle.model.outcome import FINAL, Outcome
from rekindle.model.record import Stored, decode
from rekindle.privacy.ledger import Ledger, LedgerLine

REPLAYED = "replayed"
"""The reason code of an event that waits because somebody asked for it to be sent again."""


class Replay:
    """Opens the events of one destination again. ``actor`` is who asked.

    ``only`` names the outcomes to open (all final ones by default). Events that wait or are held already, and those
    that the lane has no outcome for while ``only`` is given, are left as they are.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        workspace: str,
        destination: str,
        actor: str,
        only: Collection[Outcome] = (),
    ) -> None:
        self._database, self._ledger, self._clock = database, ledger, clock
        self._workspace, self._destination, self._actor = workspace, destination, actor
        self._only = frozenset(str(one) for one in only)

    def open(self, entries: Sequence[Entry], from_ms: int, to_ms: int, *, dry: bool = False) -> int:
        """Queue this workspace's events of ``entries`` that happened from ``from_ms`` until before ``to_ms``.

        Return how many; ``dry`` only counts. The ledger is written first. Raises `LedgerUnavailable`.
        """
        found: dict[str, tuple[Entry, Stored]] = {}
        for entry in entries:
            try:
                record = decode(entry.value)
            except msgspec.MsgspecError:
                continue
            if (
                isinstance(record, Stored)
                and record.workspace == self._workspace
                and from_ms <= record.event_time_ms < to_ms
            ):
                found.setdefault(record.event_id, (entry, record))
        known = self._known(list(found))
        chosen = {name: one for name, one in found.items() if self._wanted(known.get(name))}
        if chosen and not dry:
            now = self._clock()
            self._ledger.append([self._line(record, known.get(name), now) for name, (_, record) in chosen.items()])
            with self._database.begin() as connection:
                self._queue(connection, list(chosen.values()), now)
        return len(chosen)

    def _wanted(self, before: tuple[str, str] | None) -> bool:
        if before is None:
            return not self._only
        return before[0] in (self._only or FINAL) and before[0] in FINAL

    def _line(self, record: Stored, before: tuple[str, str] | None, now: int) -> LedgerLine:
        outcome, reason = before or ("", "")
        return LedgerLine(
            "decision",
            self._workspace,
            now,
            actor=self._actor,
            action="replay",
            event_id=record.event_id,
            subject=record.subject,
            destination=self._destination,
            outcome=Outcome.WAITING,
            reason=REPLAYED,
            facts={"before": outcome, "before_reason": reason},
        )

    def _known(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        with self._database.read() as connection:
            for start in range(0, len(names), 500):
                query = sa.select(outcomes.c.event_id, outcomes.c.outcome, outcomes.c.reason).where(
                    outcomes.c.workspace == self._workspace,
                    outcomes.c.destination == self._destination,
                    outcomes.c.event_id.in_(names[start : start + 500]),
                )
                found |= {row.event_id: (row.outcome, row.reason) for row in connection.execute(query)}
        return found

    def _queue(self, connection: Connection, chosen: Sequence[tuple[Entry, Stored]], now: int) -> None:
        rows, queue = [], []
        for entry, record in chosen:
            name = {"workspace": self._workspace, "destination": self._destination, "event_id": record.event_id}
            place = {"partition": entry.partition, "offset": entry.offset, "attempts": 0}
            rows.append(
                {
                    **name,
                    **place,
                    "event": record.event[:64],
                    "outcome": str(Outcome.WAITING),
                    "reason": REPLAYED,
                    "detail": "",
                    "trace": "",
                    "received_ms": record.received_ms,
                    "updated_ms": now,
                }
            )
            queue.append({**name, **place, "next_ms": now, "first_ms": now, "record": entry.value})
        move_counts(connection, {"workspace": self._workspace, "destination": self._destination}, rows)
        insert = upsert(outcomes, connection.dialect.name)
        changed = {name: insert.excluded[name] for name in ("outcome", "reason", "detail", "attempts", "updated_ms")}
        key = ["workspace", "destination", "event_id"]
        connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)
        connection.execute(upsert(retries, connection.dialect.name).on_conflict_do_nothing(), queue)
