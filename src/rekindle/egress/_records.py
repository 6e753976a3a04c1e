"""Read events again where they are in the log."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from rekindle.engines.log import Entry, Log
from rekindle.model.record import Stored, decode

_AT_ONCE: Final = 500


async def entries(log: Log, places: Collection[tuple[int, int, str]]) -> dict[str, tuple[Stored, Entry]]:
    """Return the events at ``places`` (partition, offset, event id) that are still there, by id.

    Neighbours are read together: the events of one request stand close to each other.
    """
    found: dict[str, tuple[Stored, Entry]] = {}
    wanted = {(partition, offset): name for partition, offset, name in places}
    left = sorted(wanted)
    while left:
        partition, first = left[0]
        near = [offset for other, offset in left[:_AT_ONCE] if other == partition and offset < first + _AT_ONCE]
        page = await log.tail((partition, first - 1), near[-1] - first + 1)
        for entry in page:
            name = wanted.get((entry.partition, entry.offset))
            record = _event(entry) if name is not None else None
            if name is not None and record is not None and record.event_id == name:
                found[name] = (record, entry)
        left = left[len(near) :]
    return found


def _event(entry: Entry) -> Stored | None:
    try:
        record = decode(entry.value)
    except msgspec.MsgspecError:
        return None
    return record if isinstance(record, Stored) else None
