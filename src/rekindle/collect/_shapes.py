"""The model's structs with the limits of the wire: lengths, ranges, patterns.

They are subclasses, so that what was decoded goes on as the model's own type, with nothing copied.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from rekindle.model.event import Client, Consent, Ecommerce, Event, Item, LimitedDataUse, Page, User

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=150)] | None
_Short = Annotated[str, msgspec.Meta(max_length=150)] | None
_Text = Annotated[str, msgspec.Meta(max_length=500)] | None
_Url = Annotated[str, msgspec.Meta(max_length=4096)] | None
_ClickId = Annotated[str, msgspec.Meta(max_length=512)] | None
_Framework = Annotated[str, msgspec.Meta(max_length=20_000)] | None
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None

# What names and currencies are made of is checked by `wire`, which remembers those it has seen.
_EventName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]

MAX_ITEMS = 200


class WireItem(Item, omit_defaults=True):
    """One item; GA4 allows 200 of them in one event."""

    item_id: _Id = None
    item_name: _Text = None
    item_brand: _Text = None
    item_variant: _Text = None
    item_category: _Text = None
    item_category2: _Text = None
    item_category3: _Text = None
    item_category4: _Text = None
    item_category5: _Text = None
    quantity: _Count = None
    coupon: _Short = None
    index: _Count = None
    item_list_id: _Short = None
    item_list_name: _Text = None
    location_id: _Short = None
    delivery_category: _Short = None


class WireEcommerce(Ecommerce, omit_defaults=True):
    """The e-commerce part; amounts are checked by `wire`, because a decimal has no limits of its own."""

    transaction_id: _Id = None
    currency: Annotated[str, msgspec.Meta(min_length=3, max_length=3)] | None = None
    coupon: _Short = None
    search_term: _Text = None
    content_type: _Short = None
    items: Annotated[list[WireItem], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(default_factory=list)  # type: ignore[assignment]


class WirePage(Page, omit_defaults=True):
    """The page."""

    url: _Url = None
    referrer: _Url = None
    title: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class WireClient(Client, omit_defaults=True):
    """The device and its click ids."""

    ip: Annotated[str, msgspec.Meta(max_length=45)] | None = None
    user_agent: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    client_id: _Id = None
    device_type: _Short = None
    os: _Short = None
    gclid: _ClickId = None
    gbraid: _ClickId = None
    wbraid: _ClickId = None
    fbp: _ClickId = None
    fbc: _ClickId = None
    ttclid: _ClickId = None
    msclkid: _ClickId = None
    epik: _ClickId = None
    sccid: _ClickId = None
    rdt_cid: _ClickId = None
    li_fat_id: _ClickId = None
    criteo_gum_id: _ClickId = None


class WireUser(User, omit_defaults=True):
    """The person."""

    user_id: _Id = None
    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    phone: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    first_name: _Short = None
    last_name: _Short = None
    gender: _Short = None
    date_of_birth: _Short = None
    street: _Text = None
    city: _Short = None
    region: _Short = None
    postal_code: _Short = None
    country: _Short = None
    external: Annotated[dict[str, str], msgspec.Meta(max_length=20)] | None = None


class WireConsent(Consent, omit_defaults=True):
    """The consent signals, unread. A ``kind`` that is not known grants nothing and costs nothing: it is left out."""

    tcf: _Framework = None
    gpp: _Framework = None
    us_privacy: _Short = None
    ac: _Framework = None
    kind: Any = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in ("explicit", "implied"):
            self.kind = None


class WireLimitedDataUse(LimitedDataUse, omit_defaults=True):
    """US limited data use; Meta's numbers of countries and states are small."""

    country: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    state: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0


class WireEvent(Event, omit_defaults=True):
    """One event by GA4's names. Unknown keys are let through here, kept sealed by `wire`, and never forwarded."""

    event: _EventName
    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    event_time: Annotated[str, msgspec.Meta(max_length=40)]
    page: WirePage = msgspec.field(default_factory=WirePage)
    client: WireClient = msgspec.field(default_factory=WireClient)
    user: WireUser = msgspec.field(default_factory=WireUser)
    ecommerce: WireEcommerce = msgspec.field(default_factory=WireEcommerce)
    consent: WireConsent = msgspec.field(default_factory=WireConsent)
    ldu: WireLimitedDataUse | None = None


class ClosedEvent(WireEvent, forbid_unknown_fields=True, omit_defaults=True):
    """One event without unknown keys: what nearly all are, decoded in one go."""


class ClosedEnvelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A body of `/e` as the tag sends it."""

    events: list[ClosedEvent]
    sent_at: str | None = None
