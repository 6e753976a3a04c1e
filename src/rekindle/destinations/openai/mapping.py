"""One event in OpenAI's words. Source: OpenAI Ads, "Conversions API" and "Supported events".

Money is whole numbers of the currency's smallest unit. An item's ``amount`` is not explained there (of one piece, or of
all?), so it is told where both are the same: for a single piece. Lists, carts, searches and wishes have no standard
event and stay here. Limited use, and personal ads refused, are told as ``opt_out``.

The click's and the browser's references (``oppref``, ``obref``) are in the pixel's cookies ``__oppref`` and
``__obref``: the shop's server hands them on as ``user.external.oppref`` and ``user.external.obref``. From a landing
page's address the gateway reads ``oppref`` itself.
"""

from __future__ import annotations

import re
import string
from typing import Any, Final

from rekindle.destinations import shared
from rekindle.egress.connector import Mapped, Rejected
from rekindle.model.currency import smallest_units
from rekindle.model.event import Event, Item
from rekindle.model.outcome import Reason
from rekindle.privacy.normalise import Context, Platform, steps
from rekindle.privacy.normalise.rules import Rule, Unusable

# The name, and the shape of its data.
EVENT_TYPES: Final[dict[str, tuple[str, str]]] = {
    "page_view": ("page_viewed", "contents"),
    "view_item": ("contents_viewed", "contents"),
    "add_to_cart": ("items_added", "contents"),
    "begin_checkout": ("checkout_started", "contents"),
    "purchase": ("order_created", "contents"),
    "generate_lead": ("lead_created", "customer_action"),
    "sign_up": ("registration_completed", "customer_action"),
}
_ACTION_SOURCE: Final = {"web": "web", "app": "mobile_app", "offline": "physical_store"}
# "Must be within the last 7 days".
_WINDOW_MS: Final = 7 * shared.DAY_MS
_BETWEEN: Final = str.maketrans("", "", string.punctuation + string.whitespace)
_POSTAL: Final = re.compile(r"[^\W_](?:[^\W_]|[ -]){0,31}")
_KEYS: Final = {
    "email": "emails_sha256", "phone": "phone_numbers_sha256", "user_id": "external_ids_sha256",
    "first_name": "first_names_sha256", "last_name": "last_names_sha256",
    "city": "cities", "region": "regions", "postal_code": "postal_codes", "country": "countries",
}  # fmt: skip


def _name(value: str, _context: Context) -> str:
    """Lower, without white space and ASCII punctuation; other letters stay: ``O'Connor`` is ``oconnor``."""
    return steps.composed(value).lower().translate(_BETWEEN)


def _place(value: str, _context: Context) -> str:
    """In clear, at most 128 characters; a hash here would be refused."""
    text = steps.composed(value)
    if len(text) > 128 or re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise Unusable("not-a-place")
    return text


def _postal_code(value: str, _context: Context) -> str:
    """In clear: letters, digits, spaces and hyphens, at most 32."""
    text = steps.composed(value)
    if not _POSTAL.fullmatch(text):
        raise Unusable("not-a-postal-code")
    return text


IDENTIFIERS: Final = Platform(
    "openai",
    "Conversions API 2026",
    {
        "email": Rule(steps.email),
        "phone": Rule(steps.phone_digits),
        "user_id": Rule(steps.trimmed),
        "first_name": Rule(_name),
        "last_name": Rule(_name),
        "city": Rule(_place, hashed=False),
        "region": Rule(_place, hashed=False),
        "postal_code": Rule(_postal_code, hashed=False),
        "country": Rule(steps.country_upper, hashed=False),
    },
)


def map_event(event: Event, region: str | None) -> Mapped | Rejected:
    """Return the event, or why OpenAI would refuse it or could not know the visitor."""
    time_ms = shared.event_time_ms(event)
    if isinstance(time_ms, Rejected):
        return time_ms
    if event.source == "web" and not event.page.url:
        return Rejected(Reason.MISSING_FIELD, "page.url (OpenAI wants it for web events)")
    if refused := shared.missing_money(event):
        return refused
    user, click = _user(event, region), (event.user.external or {}).get("oppref", "").strip()
    known = user.keys() & {"emails_sha256", "phone_numbers_sha256", "external_ids_sha256", "obref"}
    if not known and not click and not user.keys() >= {"ip_address", "user_agent"}:
        return Rejected(Reason.NO_MATCH_KEY, "no e-mail, phone, customer id or oppref, and no IP address with agent")
    name, shape = EVENT_TYPES[event.event]
    restricted = shared.limited(event) or event.consent.ad_personalization == "denied"
    body = shared.present(
        id=event.event_id,
        type=name,
        timestamp_ms=time_ms,
        action_source=_ACTION_SOURCE[event.source],
        source_url=event.page.url,
        oppref=click,
        opt_out=True if restricted else None,
        user=user,
        data=_data(event, shape),
    )
    return Mapped(event.event_id, body, time_ms, time_ms + _WINDOW_MS)


def _user(event: Event, region: str | None) -> dict[str, Any]:
    given = shared.context(event.user, region)
    found = {key: shared.identifier(IDENTIFIERS, event.user, field, given) for field, key in _KEYS.items()}
    user: dict[str, Any] = {key: [value] for key, value in found.items() if value}
    return user | shared.present(
        obref=(event.user.external or {}).get("obref", "").strip(),
        ip_address=shared.address(event.client),
        user_agent=shared.agent(event.client),
    )


def _data(event: Event, shape: str) -> dict[str, Any]:
    shop, money = event.ecommerce, shared.money(event.ecommerce)
    code = shared.currency(shop)
    return {"type": shape} | shared.present(
        amount=smallest_units(*money) if money else None,
        currency=code if money else None,
        contents=[_content(item, code) for item in shared.items(shop)] if shape == "contents" else None,
    )


def _content(item: Item, code: str) -> dict[str, Any]:
    price = shared.amount(item.price) if code and shared.quantity(item) == 1 else None
    return shared.present(
        id=str(item.item_id),
        name=item.item_name,
        content_type="product",
        quantity=shared.quantity(item),
        amount=None if price is None else smallest_units(price, code),
        currency=None if price is None else code,
    )
