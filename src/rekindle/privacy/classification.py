"""Every field of an event: how sensitive it is, and for which purposes it may leave. One table.

A field that is not in it has no class, so it never leaves, and `rekindle apply` refuses a destination that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from rekindle.model.event import Client, Ecommerce, Item, Page, User


class Label(StrEnum):
    """From what anybody may know to what needs a reason of its own (GDPR Art. 9)."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PSEUDONYMOUS = "pseudonymous"
    PERSONAL = "personal"
    SPECIAL = "special"


MEASURE: Final = "ads_measurement"
PERSONALISE: Final = "ads_personalization"
ANALYSE: Final = "analytics"
PURPOSES: Final = frozenset({MEASURE, PERSONALISE, ANALYSE})
"""What data may leave for; manifests of destinations name the same."""


class Field(NamedTuple):
    """The class of one field; without purposes it stays here."""

    label: Label
    purposes: frozenset[str]


_ADS = frozenset({MEASURE, PERSONALISE})
_PUBLIC = Field(Label.PUBLIC, PURPOSES)
_INTERNAL = Field(Label.INTERNAL, PURPOSES)
_PSEUDONYM = Field(Label.PSEUDONYMOUS, PURPOSES)
_AD_ID = Field(Label.PSEUDONYMOUS, _ADS)
_IDENTIFIER = Field(Label.PERSONAL, _ADS)

FIELDS: Final[dict[str, Field]] = {
    "event": _PUBLIC,
    "event_id": _INTERNAL,
    "event_time": _INTERNAL,
    "source": _PUBLIC,
    # URLs and titles are cut of personal data before they are stored; what someone looked at is still about them.
    "page.url": _PSEUDONYM,
    "page.referrer": _PSEUDONYM,
    "page.title": _PSEUDONYM,
    "client.ip": Field(Label.PERSONAL, PURPOSES),
    "client.user_agent": Field(Label.PERSONAL, PURPOSES),
    "client.client_id": _PSEUDONYM,
    "client.device_type": _INTERNAL,
    "client.os": _INTERNAL,
    **{
        f"client.{name}": _AD_ID
        for name in (
            "gclid", "gbraid", "wbraid", "fbp", "fbc", "ttclid", "msclkid", "epik", "sccid", "rdt_cid", "li_fat_id",
            "criteo_gum_id",
        )
    },
    "user.user_id": Field(Label.PERSONAL, PURPOSES),
    **{
        f"user.{name}": _IDENTIFIER
        for name in (
            "email", "phone", "first_name", "last_name", "gender", "date_of_birth", "street", "city", "region",
            "postal_code", "country", "external",
        )
    },
    "ecommerce.transaction_id": _PSEUDONYM,
    **{
        f"ecommerce.{name}": _INTERNAL
        for name in ("value", "currency", "tax", "shipping", "coupon", "content_type")
    },
    "ecommerce.search_term": _PSEUDONYM,
    **{f"ecommerce.items.{name}": _PUBLIC for name in Item.__struct_fields__},
    "consent": _PSEUDONYM,
    "ldu": _INTERNAL,
    # Keys that nobody described may hold anything.
    "extra": Field(Label.SPECIAL, frozenset()),
}  # fmt: skip
"""By the path in the event. Groups (``user``, ``ecommerce.items``) are the sum of what is below them."""

_SIGNALS: Final = {
    "ad_storage": {MEASURE},
    "ad_user_data": {MEASURE},
    "ad_personalization": {PERSONALISE},
    "analytics_storage": {ANALYSE},
    "tcf:2": {PERSONALISE},
    "tcf:3": {PERSONALISE},
    "tcf:4": {PERSONALISE},
    "tcf:7": {MEASURE},
    "tcf:8": {ANALYSE},
    "tcf:9": {ANALYSE},
    "tcf:10": {ANALYSE},
    "opt_out": PURPOSES,
}
# Consent mode and TCF grant storage as the basis of the others, and alone nothing that may leave.


def members(field: str) -> list[str]:
    """Return the classified fields that ``field`` stands for: itself, or all below it; none if it has no class."""
    return [field] if field in FIELDS else [name for name in FIELDS if name.startswith(f"{field}.")]


def unclassified(fields: Iterable[str]) -> list[str]:
    """Return those of ``fields`` that have no class."""
    return sorted(field for field in fields if not members(field))


def stays(fields: Iterable[str], purposes: AbstractSet[str]) -> list[str]:
    """Return those of ``fields`` of which nothing may leave for any of these purposes."""
    return sorted(field for field in fields if not any(FIELDS[name].purposes & purposes for name in members(field)))


@lru_cache(maxsize=1_000)
def granted(signals: frozenset[str]) -> frozenset[str]:
    """Return the purposes that a person's answers allow; ``signals`` are those of a `Permit`, such as ``tcf:4``."""
    return frozenset().union(*(_SIGNALS.get(signal, set()) for signal in signals))


@lru_cache(maxsize=1_000)
def permitted(fields: frozenset[str], purposes: frozenset[str]) -> frozenset[str]:
    """Return what of ``fields`` may leave for ``purposes``: a group whole where all of it may, else what may of it."""
    found: set[str] = set()
    for field in fields:
        below = members(field)
        allowed = [name for name in below if FIELDS[name].purposes & purposes]
        if not allowed:
            continue
        if len(allowed) == len(below):
            found.add(field)
        else:
            found.update(_grouped(field, allowed))
    return frozenset(found)


def _grouped(group: str, allowed: list[str]) -> Iterable[str]:
    """Name fields one level below the group: ``ecommerce.items`` and not each of an item's fields."""
    depth = group.count(".") + 2
    return {".".join(name.split(".")[:depth]) for name in allowed}


def label(field: str) -> Label:
    """Return the highest class in a field or group. Raises `KeyError` for one without."""
    order = list(Label)
    below = members(field)
    if not below:
        raise KeyError(field)
    return max((FIELDS[name].label for name in below), key=order.index)


GROUPS: Final = {"page": Page, "client": Client, "user": User, "ecommerce": Ecommerce}
"""The structs whose fields the table must name; a test holds it to that."""
