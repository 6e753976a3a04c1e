"""Follow the log: the newest records of one workspace as rows, once or for as long as somebody looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from rekindle.engines.log.protocol import Entry, Log
from rekindle.model.record import ConsentChange, Record, Stored, Tally, decode

RING = 200
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


def position(text: str) -> tuple[int, int] | None:
    """Read a place in the log from a row's id; None when it is none."""
    partition, _, offset = text.partition("-")
    if partition.isdecimal() and offset.isdecimal() and len(text) < 40:
        return int(partition), int(offset)
    return None


async def newest(log: Log, workspace: str, wanted: Filter, limit: int = RING) -> tuple[Sequence[LiveRow], str]:
    """Return the newest rows, newest first, and the place from which to follow (empty in an empty log)."""
    entries = await log.tail(None, _SCAN)
    rows = [row for entry in entries if (row := row_of(entry, workspace)) is not None and wanted.keeps(row)]
    place = f"{entries[-1].partition}-{entries[-1].offset}" if entries else ""
    return rows[::-1][:limit], place


async def follow(
    log: Log,
    workspace: str,
    wanted: Filter,
    after: tuple[int, int] | None,
    *,
    show: Callable[[LiveRow], object],
    welcome: Callable[[], Awaitable[bool]],
    sleep: Callable[[float], Awaitable[object]],
    closing: Callable[[], bool] = lambda: False,
) -> AsyncIterator[bytes]:
    """Yield server-sent events (HTML standard, 9.2) for new records until ``welcome`` says no or the server closes.

    The id of each event is its place in the log, so a browser that lost the line goes on where it was. Records that
    the filter drops move the id too, without an event.
    """
    beat = 0
    yield b"retry: 2000\n\n"
    while not closing():
        entries = await log.tail(after, 500 if after is not None else RING)
        moved = b""
        for entry in entries:
            after = (entry.partition, entry.offset)
            row = row_of(entry, workspace)
            if row is None or not wanted.keeps(row):
                moved = f"id: {entry.partition}-{entry.offset}\n\n".encode()
                continue
            moved = b""
            yield f"id: {row.id}\n".encode() + b"data: " + msgspec.json.encode(show(row)) + b"\n\n"
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
