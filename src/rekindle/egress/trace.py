"""An event's way through the street: received, its consent signals, what each destination did with it, and the proof."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa

from rekindle.egress._tables import lanes, outcomes, retries, tickets
from rekindle.egress.status import EventOutcome, event_outcomes
from rekindle.engines.database import Database
from rekindle.engines.log import Log
from rekindle.model.event import Consent
from rekindle.model.outcome import FINAL
from rekindle.model.record import Stored, decode
from rekindle.privacy import ledger
from rekindle.privacy.ledger import WrittenLine

_NEWEST = 10_000


class Passage(msgspec.Struct, frozen=True):
    """One destination: what became of the event there. ``next_ms`` is its next try (0: none is planned).

    ``look_ms`` is when the platform is asked next what it decided (0: it is not asked).

    ``sends`` are the ledger's lines of the times it left, newest first; ``answers`` what the platform said to those
    requests. Words of a platform are masked.
    """

    outcome: EventOutcome
    next_ms: int
    look_ms: int
    sends: list[WrittenLine]
    answers: list[WrittenLine]


class Stop(msgspec.Struct, frozen=True):
    """A destination where the event cannot pass now: ``held`` or ``open``, since when, and when it is tried next."""

    destination: str
    state: str
    words: str
    since_ms: int
    next_ms: int


class Trace(msgspec.Struct, frozen=True):
    """An event's way, in codes and times; `rekindle explain` and the console put it in words.

    The first fields are None when the record is no longer in the log (or not found among the newest); what egress and
    the ledger know stays. ``decisions`` are ledger lines that name the event and are no sends. ``stops`` are where it
    has not come to an end, or has not been read yet, because the whole account stands still.
    """

    workspace: str
    event_id: str
    event: str | None
    source: str | None
    subject: str | None
    event_time_ms: int | None
    received_ms: int | None
    consent: Consent | None
    item_ids: list[str]
    passages: list[Passage]
    decisions: list[WrittenLine]
    stops: list[Stop]

    @property
    def found(self) -> bool:
        """Whether anything is known of this id."""
        return self.event is not None or bool(self.passages) or bool(self.decisions)


async def trace(database: Database, log: Log, workspace: str, event_id: str) -> Trace:
    """Return what is known of one event. An id that nobody knows gives a trace with ``found`` false."""
    known = event_outcomes(database, workspace, event_id)
    stored = await _stored(database, log, workspace, event_id)
    written = ledger.lines(database, workspace, event_id=event_id, limit=1000)
    waiting, looks = _waiting(database, workspace, event_id), _looks(database, workspace, event_id)
    sends = [line for line in written if line.line.kind == "send"]
    answers = _answers(database, workspace, sends)
    first = known[0] if known else None
    return Trace(
        workspace=workspace,
        event_id=event_id,
        event=stored.event if stored else first.event if first else None,
        source=stored.source if stored else None,
        subject=stored.subject if stored else None,
        event_time_ms=stored.event_time_ms if stored else None,
        received_ms=stored.received_ms if stored else first.received_ms if first else None,
        consent=stored.consent if stored else None,
        item_ids=[item.item_id for item in stored.ecommerce.items if item.item_id] if stored else [],
        passages=[
            Passage(
                each,
                waiting.get(each.destination, 0),
                looks.get(each.destination, 0),
                mine := [line for line in sends if line.line.destination == each.destination],
                [line for line in answers if _request(line) in {_request(sent) for sent in mine}],
            )
            for each in sorted(known, key=lambda each: each.destination)
        ],
        decisions=[line for line in written if line.line.kind != "send"],
        stops=_stops(database, workspace, {each.destination for each in known if each.outcome in FINAL}),
    )


async def _stored(database: Database, log: Log, workspace: str, event_id: str) -> Stored | None:
    """Read the record where a lane saw it, else look among the newest: no destination may have come to it yet."""
    query = (
        sa.select(outcomes.c.partition, outcomes.c.offset)
        .where(outcomes.c.workspace == workspace, outcomes.c.event_id == event_id)
        .limit(1)
    )
    with database.read() as connection:
        place = connection.execute(query).first()
    if place is not None:
        entries = await log.tail((place.partition, place.offset - 1), 1)
    else:
        entries = await log.tail(None, _NEWEST)
    for entry in reversed(entries):
        try:
            record = decode(entry.value)
        except msgspec.MsgspecError:
            continue
        if isinstance(record, Stored) and (record.workspace, record.event_id) == (workspace, event_id):
            return record
    return None


def _stops(database: Database, workspace: str, ended: Collection[str]) -> list[Stop]:
    columns = [lanes.c[name] for name in Stop.__struct_fields__]
    query = sa.select(*columns).where(lanes.c.workspace == workspace, lanes.c.state.in_(("held", "open")))
    with database.read() as connection:
        found = [Stop(*row) for row in connection.execute(query.order_by(lanes.c.destination))]
    return [stop for stop in found if stop.destination not in ended]


def _waiting(database: Database, workspace: str, event_id: str) -> dict[str, int]:
    query = sa.select(retries.c.destination, retries.c.next_ms).where(
        retries.c.workspace == workspace, retries.c.event_id == event_id
    )
    with database.read() as connection:
        return {row.destination: row.next_ms for row in connection.execute(query)}


def _looks(database: Database, workspace: str, event_id: str) -> dict[str, int]:
    query = (
        sa.select(outcomes.c.destination, tickets.c.next_ms)
        .join_from(outcomes, tickets, outcomes.c.ticket == tickets.c.id)
        .where(outcomes.c.workspace == workspace, outcomes.c.event_id == event_id)
    )
    with database.read() as connection:
        return {row.destination: row.next_ms for row in connection.execute(query)}


def _request(line: WrittenLine) -> str:
    return str(line.line.facts.get("request", ""))


def _answers(database: Database, workspace: str, sends: Sequence[WrittenLine]) -> list[WrittenLine]:
    """Return the answers to those requests: an answer's line is written right behind its request's lines."""
    found: dict[int, WrittenLine] = {}
    for sent in sends[:20]:
        behind = ledger.lines(database, workspace, kind="send", before=sent.position + _BEHIND, limit=_BEHIND)
        for line in behind:
            if line.line.action == "answer" and _request(line) == _request(sent):
                found[line.position] = line
    return [found[position] for position in sorted(found, reverse=True)]


_BEHIND = 4_400
"""A request has at most 1,000 events, and requests that are open together are written together; their answers follow."""
