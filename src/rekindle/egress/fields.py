"""Cut an event to the fields a destination may have: the manifest's, less what the permit leaves out."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TypeVar

import msgspec

from rekindle.model.clock import rfc3339
from rekindle.model.event import Client, Ecommerce, Event, LimitedDataUse, Page, User
from rekindle.model.record import Stored
from rekindle.model.sealed import Sealed

_Part = TypeVar("_Part", Page, Client, User, Ecommerce)


def needs_seal(fields: AbstractSet[str]) -> bool:
    """Say whether any of ``fields`` lies inside the seal."""
    return any(field.partition(".")[0] in ("client", "user") for field in fields)


def canonical(stored: Stored, sealed: Sealed, fields: AbstractSet[str], *, limited_use: bool) -> Event:
    """Return the event with only ``fields``. ``limited_use`` (from the permit) adds limited data use, never removes it.

    Name, ids, time, source and the consent signals are always there: they are no personal data, and platforms want the
    signals forwarded.
    """
    ldu = stored.ldu
    if limited_use and not (ldu and ldu.enabled):
        ldu = LimitedDataUse(enabled=True, country=ldu.country if ldu else 0, state=ldu.state if ldu else 0)
    return Event(
        event=stored.event,
        event_id=stored.event_id,
        event_time=rfc3339(stored.event_time_ms),
        source=stored.source,
        page=_cut("page", stored.page, fields),
        client=_cut("client", sealed.client, fields),
        user=_cut("user", sealed.user, fields),
        ecommerce=_cut("ecommerce", stored.ecommerce, fields),
        consent=stored.consent,
        ldu=ldu,
    )


def cut(event: Event, fields: AbstractSet[str]) -> Event:
    """Return a copy of ``event`` with only ``fields``, without what the model does not know."""
    return msgspec.structs.replace(
        event,
        page=_cut("page", event.page, fields),
        client=_cut("client", event.client, fields),
        user=_cut("user", event.user, fields),
        ecommerce=_cut("ecommerce", event.ecommerce, fields),
        extra=None,
    )


def cut_member(user: User, client: Client, fields: AbstractSet[str]) -> tuple[User, Client]:
    """Return what of a person may be sent to an audience."""
    return _cut("user", user, fields), _cut("client", client, fields)


def _cut(name: str, part: _Part, fields: AbstractSet[str]) -> _Part:
    if name in fields:
        return part
    kept = {field: getattr(part, field) for field in type(part).__struct_fields__ if f"{name}.{field}" in fields}
    return type(part)(**kept)
