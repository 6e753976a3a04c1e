"""Published values as ``ProductAttributes``. Source: google.shopping.merchant.products.v1, products_common.proto.

The API's names are those of the product data specification in camel case; what differs is here. Which form a value has
follows from its type in the channel's specification, so an attribute that is added there needs nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from rekindle.feeds.spec import SEPARATOR, Attribute, Spec
from rekindle.model.clock import rfc3339

_PLURALS: Final = {
    "additional_image_link": "additionalImageLinks", "gtin": "gtins", "product_type": "productTypes",
    "size_type": "sizeTypes", "shipping": "shipping",
}  # fmt: skip
"""Attributes that the API takes as lists."""
_GRADES: Final = {"A+": "AP", "A++": "APP", "A+++": "APPP"}
_MEASURE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(.+)")
_MICROS: Final = 1_000_000


def attributes(spec: Spec, values: Mapping[str, str]) -> dict[str, Any]:
    """Return a published item's values as JSON of ``ProductAttributes``; its id is no part of them."""
    found: dict[str, Any] = {}
    for attribute in spec.attribute:
        value = values.get(attribute.name)
        if value is None or attribute.name == "id":
            continue
        plural = _PLURALS.get(attribute.name)
        parts = value.split(SEPARATOR) if attribute.repeated else [value]
        words = [_word(attribute, part) for part in parts]
        found[plural or camel(attribute.name)] = words if plural or attribute.repeated else words[0]
    return found


def camel(name: str) -> str:
    """Return ``image_link`` as ``imageLink``; a digit keeps its underscore's place: ``customLabel0``."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _word(attribute: Attribute, value: str) -> Any:
    if attribute.parts:
        return _group(attribute, value)
    match attribute.type:
        case "price":
            return _price(value)
        case "enum":
            if set(attribute.values) == {"yes", "no"}:
                return value == "yes"
            return _GRADES.get(value, value.upper())
        case "datetime":
            return _moment(value)
        case "datetime_range":
            start, _, end = value.partition("/")
            return {"startTime": _moment(start), "endTime": _moment(end)}
        case "number_unit":
            measure = _MEASURE.fullmatch(value)
            return {"value": float(measure[1]), "unit": measure[2]} if measure else {"value": float(value)}
        case _:
            return value


def _group(attribute: Attribute, value: str) -> dict[str, Any]:
    # The last part may hold colons of its own, as the writers of files have it.
    texts = value.split(":", len(attribute.parts) - 1)
    made: dict[str, Any] = {}
    for part, text in zip(attribute.parts, texts, strict=False):
        if text == "":
            continue
        if part == "price":
            made[camel(part)] = _price(text)
        else:
            made[camel(part)] = text.upper() if part == "digital_source_type" else text
    return made


def _price(value: str) -> dict[str, str]:
    amount, _, currency = value.partition(" ")
    return {"amountMicros": str(int(Decimal(amount) * _MICROS)), "currencyCode": currency}


def _moment(value: str) -> str:
    moment = datetime.fromisoformat(value)
    # A time without a zone is read as UTC, as in the files.
    return rfc3339(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000))
