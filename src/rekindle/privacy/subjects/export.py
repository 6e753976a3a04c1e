"""Everything known of one person, as plain values: events opened from the log, and what each room keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rekindle.engines.database import Database
from rekindle.engines.log import Log
from rekindle.model.clock import Clock, rfc3339
from rekindle.model.record import ConsentChange, Stored
from rekindle.model.sealed import Sealed, unpack
from rekindle.privacy.ledger import WrittenLine, lines_about
from rekindle.privacy.subjects.holders import Holder
from rekindle.privacy.subjects.person import Person, records
from rekindle.privacy.vault import Vault


class Dossier(msgspec.Struct):
    """What the log and the ledger know. ``sealed`` is None for an event whose key is gone."""

    events: list[tuple[Stored, Sealed | None]]
    changes: list[ConsentChange]
    lines: list[WrittenLine]

    @property
    def event_ids(self) -> set[str]:
        """The ids of the person's events, those too that only the ledger still knows."""
        known = {stored.event_id for stored, _ in self.events}
        return known | {line.line.event_id for line in self.lines if line.line.event_id is not None}


async def gather(log: Log, database: Database, vault: Vault, clock: Clock, person: Person) -> Dossier:
    """Read everything about the person. Raises `VaultUnavailable` when the keys cannot be read."""
    found = Dossier([], [], [])
    async for record in records(log, clock):
        if not person.owns(record):
            continue
        if isinstance(record, ConsentChange):
            found.changes.append(record)
        elif isinstance(record, Stored):
            plain = vault.open(record.workspace, record.subject, record.sealed) if record.sealed else b""
            found.events.append((record, None if plain is None else unpack(plain) if plain else Sealed()))
    links = {link for name in person.names for link in vault.links(person.workspace, name)}
    found.lines = lines_about(database, person.workspace, links)
    return found


def export(database: Database, clock: Clock, person: Person, dossier: Dossier, holders: Sequence[Holder]) -> bytes:
    """Return the person's data as one JSON document (GDPR, Art. 15 and 20; CCPA, 1798.110)."""
    with database.read() as connection:
        rooms = {holder.name: holder.export(connection, person, dossier.event_ids) for holder in holders}
    document: dict[str, Any] = {
        "workspace": person.workspace,
        "made": rfc3339(clock()),
        "names": {"identifiers": sorted(person.identifiers), "browsers": sorted(person.browsers)},
        "shared_browsers": sorted(person.shared),
        "events": [_event(stored, sealed) for stored, sealed in dossier.events],
        "consent_changes": dossier.changes,
        **rooms,
        "ledger": dossier.lines,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _event(stored: Stored, sealed: Sealed | None) -> dict[str, Any]:
    event: dict[str, Any] = msgspec.to_builtins(stored, builtin_types=())
    event.pop("sealed", None)
    event.pop("type", None)
    if sealed is None:
        return event | {"personal_part": "its key was destroyed"}
    extra = msgspec.json.decode(sealed.extra) if sealed.extra else {}
    return event | {
        "client": msgspec.to_builtins(sealed.client),
        "user": msgspec.to_builtins(sealed.user),
        "extra": extra,
    }
