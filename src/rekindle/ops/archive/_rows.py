"""A log entry as a row of the archive: a few columns to look for, and the record itself as it is in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rekindle.engines.log import Entry
from rekindle.model.record import ConsentChange, Stored, Tally, decode

HOUR_MS: Final = 3_600_000

# As JSON they are staged, as these types they are written. ``record`` is base64 in between.
COLUMNS: Final[Mapping[str, str]] = {
    "workspace": "VARCHAR",
    "hour_ms": "BIGINT",
    "kind": "VARCHAR",
    "event_id": "VARCHAR",
    "event": "VARCHAR",
    "event_time_ms": "BIGINT",
    "received_ms": "BIGINT",
    "appended_ms": "BIGINT",
    "subject": "VARCHAR",
    "source": "VARCHAR",
    "bot": "BOOLEAN",
    "device_type": "VARCHAR",
    "os": "VARCHAR",
    "transaction_id": "VARCHAR",
    "value": "VARCHAR",
    "currency": "VARCHAR",
    "item_ids": "VARCHAR[]",
    "partition": "INTEGER",
    "offset": "BIGINT",
    "record": "VARCHAR",
}


def row(entry: Entry) -> dict[str, Any]:
    """Return the row of an entry. What is no record any reader knows is kept too, under the kind ``unknown``."""
    common: dict[str, Any] = {
        "appended_ms": entry.appended_ms,
        "partition": entry.partition,
        "offset": entry.offset,
        "record": entry.value,
    }
    try:
        record = decode(entry.value)
    except msgspec.MsgspecError:
        at = entry.appended_ms
        return common | {"workspace": "", "kind": "unknown", "hour_ms": at - at % HOUR_MS}
    happened = record.event_time_ms if isinstance(record, Stored) else record.received_ms
    common |= {
        "workspace": record.workspace,
        "hour_ms": happened - happened % HOUR_MS,
        "received_ms": record.received_ms,
        "event_time_ms": happened,
    }
    match record:
        case Tally():
            return common | {"kind": "tally"}
        case ConsentChange():
            return common | {"kind": "consent", "subject": record.subject}
    shop = record.ecommerce
    return common | {
        "kind": "event",
        "event_id": record.event_id,
        "event": record.event,
        "subject": record.subject,
        "source": record.source,
        "bot": record.bot,
        "device_type": record.device_type,
        "os": record.os,
        "transaction_id": shop.transaction_id,
        "value": shop.value,
        "currency": shop.currency,
        "item_ids": [item.item_id for item in shop.items if item.item_id],
    }
