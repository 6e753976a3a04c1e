"""Cut an event to the fields a destination may have: the manifest's, less what the permit leaves out."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TypeVar

import msgspec

from rekindle.model.clock import rfc3339
from rekindle.model.event import Client, Ecommerce, Event, LimitedDataUse, Page, User
from rekindle.model.record import Stored
from rekindle.model.sealed import Sealed
from rekindle.privacy.permit import Permit

_Part = TypeVar("_Part", Page, Client, User, Ecommerce)


def needs_seal(fields: AbstractSet[str]) -> bool:
    """Say whether any of ``fields`` lies inside the seal."""
    return any(field.partition(".")[0] in ("client", "user") for field in fields)


def canonical(stored: Stored, sealed: Sealed, permit: Permit) -> Event:
    """Return the event as its permit lets it be told: only the permitted fields, and the consent as it was decided.

    Name, ids, time, source and the consent signals are always there: they are no personal data, and platforms want the
    signals forwarded.
    """
    fields = permit.fields
    return Event(
        event=stored.event,
        event_id=stored.event_id,
        event_time=rfc3339(stored.event_time_ms),
        source=stored.source,
        page=_cut("page", stored.page, fields),
        client=_cut("client", sealed.client, fields),
        user=_cut("user", sealed.user, fields),
        ecommerce=_cut("ecommerce", stored.ecommerce, fields),
        consent=permit.told(stored.consent),
        ldu=_limited(stored.ldu, permit),
    )


def cut(event: Event, permit: Permit) -> Event:
    """Return a copy of ``event`` as its permit lets it be told, without what the model does not know."""
    told = only(event, permit.fields)
    told.consent, told.ldu = permit.told(event.consent), _limited(event.ldu, permit)
    return told


def only(event: Event, fields: AbstractSet[str]) -> Event:
    """Return a copy of ``event`` with only ``fields``."""
    return msgspec.structs.replace(
        event,
        page=_cut("page", event.page, fields),
        client=_cut("client", event.client, fields),
        user=_cut("user", event.user, fields),
        ecommerce=_cut("ecommerce", event.ecommerce, fields),
        extra=None,
    )


def _limited(ldu: LimitedDataUse | None, permit: Permit) -> LimitedDataUse | None:
    """Add limited data use where the permit asks for it; never remove it."""
    if not permit.limited_use or (ldu and ldu.enabled):
        return ldu
    return LimitedDataUse(enabled=True, country=ldu.country if ldu else 0, state=ldu.state if ldu else 0)


def cut_member(user: User, client: Client, fields: AbstractSet[str]) -> tuple[User, Client]:
    """Return what of a person may be sent to an audience."""
    return _cut("user", user, fields), _cut("client", client, fields)


def _cut(name: str, part: _Part, fields: AbstractSet[str]) -> _Part:
    if name in fields:
        return part
    kept = {field: getattr(part, field) for field in type(part).__struct_fields__ if f"{name}.{field}" in fields}
    return type(part)(**kept)
