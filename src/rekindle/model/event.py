"""The canonical event: GA4 e-commerce names and parameters, as the tag, the server API and the probes accept them."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

# None of these structs can be part of a cycle, so the garbage collector need not look at them (``gc=False``).

Source = Literal["web", "app", "offline"]

# GA4 "recommended events" for online sales, plus page_view; other names are accepted and never mapped by default.
ECOMMERCE_EVENTS = frozenset(
    {
        "view_item", "view_item_list", "select_item", "add_to_cart", "remove_from_cart", "view_cart",
        "add_to_wishlist", "begin_checkout", "add_shipping_info", "add_payment_info", "purchase", "refund",
        "search", "page_view", "generate_lead", "sign_up", "login", "view_promotion", "select_promotion",
    }
)  # fmt: skip


class Item(msgspec.Struct, omit_defaults=True, gc=False):
    """One line of ``ecommerce.items``; ``price`` is per unit after discount, in the event's currency."""

    item_id: str | None = None
    item_name: str | None = None
    item_brand: str | None = None
    item_variant: str | None = None
    item_category: str | None = None
    item_category2: str | None = None
    item_category3: str | None = None
    item_category4: str | None = None
    item_category5: str | None = None
    price: Decimal | None = None
    quantity: int | None = None
    discount: Decimal | None = None
    coupon: str | None = None
    index: int | None = None
    item_list_id: str | None = None
    item_list_name: str | None = None
    location_id: str | None = None
    delivery_category: str | None = None


class Ecommerce(msgspec.Struct, omit_defaults=True, gc=False):
    """What was looked at, put in the cart or bought; ``value`` needs ``currency`` (ISO 4217)."""

    transaction_id: str | None = None
    value: Decimal | None = None
    currency: str | None = None
    tax: Decimal | None = None
    shipping: Decimal | None = None
    coupon: str | None = None
    search_term: str | None = None
    content_type: str | None = None
    items: list[Item] = msgspec.field(default_factory=list)


class Page(msgspec.Struct, omit_defaults=True, gc=False):
    """Where it happened. URLs and titles are cut of personal data before they are stored."""

    url: str | None = None
    referrer: str | None = None
    title: str | None = None


class Client(msgspec.Struct, omit_defaults=True, gc=False):
    """The device and the advertisers' click and cookie ids. Personal data: sealed before storage."""

    ip: str | None = None
    user_agent: str | None = None
    client_id: str | None = None
    device_type: str | None = None
    os: str | None = None
    gclid: str | None = None
    gbraid: str | None = None
    wbraid: str | None = None
    fbp: str | None = None
    fbc: str | None = None
    ttclid: str | None = None
    msclkid: str | None = None
    epik: str | None = None
    sccid: str | None = None
    rdt_cid: str | None = None
    li_fat_id: str | None = None
    criteo_gum_id: str | None = None


class User(msgspec.Struct, omit_defaults=True, gc=False):
    """Who it was, in clear. Personal data: sealed before storage, hashed per platform at send time."""

    user_id: str | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    gender: str | None = None
    date_of_birth: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    external: dict[str, str] | None = None


class LimitedDataUse(msgspec.Struct, omit_defaults=True, gc=False):
    """US limited data use as Meta defines it: country 1 is the USA, state 1000 is California; 0 lets Meta locate."""

    enabled: bool = False
    country: int = 0
    state: int = 0


ConsentValue = Literal["granted", "denied"]
ConsentKind = Literal["explicit", "implied"]


class Consent(msgspec.Struct, omit_defaults=True, gc=False):
    """The consent signals that came with the event, unread. Absent is not granted.

    ``kind`` is how the page's CMP came by them, where it tells: by an act of the visitor, or without one.
    """

    ad_storage: ConsentValue | None = None
    analytics_storage: ConsentValue | None = None
    ad_user_data: ConsentValue | None = None
    ad_personalization: ConsentValue | None = None
    tcf: str | None = None
    gpp: str | None = None
    us_privacy: str | None = None
    ac: str | None = None
    gpc: bool | None = None
    kind: ConsentKind | None = None


class Event(msgspec.Struct, omit_defaults=True, gc=False):
    """One thing a visitor did. ``event_time`` is RFC 3339; ``event_id`` is the deduplication key everywhere."""

    event: str
    event_id: str
    event_time: str
    source: Source = "web"
    page: Page = msgspec.field(default_factory=Page)
    client: Client = msgspec.field(default_factory=Client)
    user: User = msgspec.field(default_factory=User)
    ecommerce: Ecommerce = msgspec.field(default_factory=Ecommerce)
    consent: Consent = msgspec.field(default_factory=Consent)
    ldu: LimitedDataUse | None = None
    extra: dict[str, msgspec.Raw] | None = None
