"""Follow the log: the newest records of one workspace as rows, once or for as long as somebody looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import msgspec

from rekindle.engines.log.protocol import Entry, Log
from rekindle.model.record import ConsentChange, Record, Stored, Tally, decode

RING = 200
LONGEST_PLACE = 4_000  # characters: some two hundred partitions
_SCAN = 2000  # records looked at for the first rows; those of other workspaces are among them
_POLL_S = 0.5
_BEAT = 20  # polls between two signs of life and two looks whether the visitor may still see this


class LiveRow(msgspec.Struct, omit_defaults=True):
    """One record of the log as pages show it. ``id`` names its place (``partition-offset``); times are ms.

    ``kind`` is ``event``, ``tally`` (events refused at the door, counted only) or ``consent`` (a choice that changed).
    ``subject`` is a pseudonym; ``items`` are item ids.
    """

    id: str
    kind: str
    at_ms: int
    event: str = ""
    event_id: str = ""
    source: str = ""
    subject: str = ""
    page: str = ""
    items: list[str] = msgspec.field(default_factory=list)
    value: str = ""
    currency: str = ""
    outcome: str = ""
    reason: str = ""
    count: int = 1
    bot: bool = False


def row_of(entry: Entry, workspace: str) -> LiveRow | None:
    """Return a log entry as a row, or None when it is another workspace's or unreadable."""
    try:
        record: Record = decode(entry.value)
    except msgspec.DecodeError:
        return None
    if record.workspace != workspace:
        return None
    identity = f"{entry.partition}-{entry.offset}"
    match record:
        case Stored():
            shop = record.ecommerce
            return LiveRow(
                id=identity,
                kind="event",
                at_ms=record.received_ms,
                event=record.event,
                event_id=record.event_id,
                source=record.source,
                subject=record.subject,
                page=record.page.url or "",
                items=[item.item_id for item in shop.items if item.item_id is not None],
                value="" if shop.value is None else str(shop.value),
                currency=shop.currency or "",
                bot=record.bot,
            )
        case Tally():
            return LiveRow(
                id=identity,
                kind="tally",
                at_ms=record.received_ms,
                outcome=record.outcome,
                reason=record.reason,
                count=record.count,
            )
        case ConsentChange():
            return LiveRow(id=identity, kind="consent", at_ms=record.received_ms, subject=record.subject)


class Filter(msgspec.Struct, frozen=True):
    """What to show: an event name, and a text that must occur in ids, items, visitor or address."""

    event: str = ""
    text: str = ""

    def keeps(self, row: LiveRow) -> bool:
        """Tell whether a row passes."""
        if self.event and row.event != self.event:
            return False
        needle = self.text.casefold()
        hay = (row.event, row.event_id, row.subject, row.page, row.reason, *row.items)
        return not needle or any(needle in text.casefold() for text in hay)


Place = dict[int, int]
"""How far each partition of the log was read."""


def position(text: str) -> Place | None:
    """Read a place from `written`; None when it is none."""
    place: Place = {}
    for part in text.split("_") if len(text) <= LONGEST_PLACE else ():
        partition, _, offset = part.partition("-")
        if not (partition.isascii() and partition.isdecimal() and offset.isascii() and offset.isdecimal()):
            return None
        place[int(partition)] = int(offset)
    return place or None


def written(place: Mapping[int, int]) -> str:
    """Return a place as text for a URL and an event's id: ``0-17_1-4``."""
    return "_".join(f"{partition}-{offset}" for partition, offset in sorted(place.items()) if offset >= 0)


async def newest(log: Log, workspace: str, wanted: Filter, limit: int = RING) -> tuple[Sequence[LiveRow], str]:
    """Return the newest rows, newest first, and the place from which to follow (empty in an empty log)."""
    # Asked before the rows: what comes in between is among them, and is not to be shown again.
    place = dict(await log.ends())
    entries = await log.tail(None, _SCAN)
    for entry in entries:
        place[entry.partition] = max(entry.offset, place.get(entry.partition, -1))
    rows = [row for entry in entries if (row := row_of(entry, workspace)) is not None and wanted.keeps(row)]
    return rows[::-1][:limit], written(place)


async def follow(
    log: Log,
    workspace: str,
    wanted: Filter,
    after: Place | None,
    *,
    show: Callable[[LiveRow], object],
    welcome: Callable[[], Awaitable[bool]],
    sleep: Callable[[float], Awaitable[object]],
    closing: Callable[[], bool] = lambda: False,
) -> AsyncIterator[bytes]:
    """Yield server-sent events (HTML standard, 9.2) for new records until ``welcome`` says no or the server closes.

    Without ``after`` it begins with the newest. The id of each event is the place in the log, so a browser that lost the line goes on where it was. Records that
    the filter drops move the id too, without an event.
    """
    beat = 0
    yield b"retry: 2000\n\n"
    while not closing():
        if after is None:
            after, entries = dict(await log.ends()), await log.tail(None, RING)
        else:
            entries = await log.tail(after, 500)
        moved = b""
        for entry in entries:
            after[entry.partition] = max(entry.offset, after.get(entry.partition, -1))
            row = row_of(entry, workspace)
            if row is None or not wanted.keeps(row):
                moved = f"id: {written(after)}\n\n".encode()
                continue
            moved = b""
            yield f"id: {written(after)}\n".encode() + b"data: " + msgspec.json.encode(show(row)) + b"\n\n"
        if moved:
            yield moved
        beat += 1
        if beat % _BEAT == 0:
            if not await welcome():
                yield b"event: end\ndata: {}\n\n"
                return
            yield b": here\n\n"
        if len(entries) < 500:
            await sleep(_POLL_S)
