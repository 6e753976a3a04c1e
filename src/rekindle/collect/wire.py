"""Strict decoding of what arrives: a bare event, a list, or ``{"sent_at", "events": […]}``.

A bad event of a batch is reported with its place and a remedy; the good ones go on. Unknown keys of an event are kept
in ``extra``, which is sealed with the personal data and never forwarded.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from rekindle.collect._shapes import ClosedEnvelope, ClosedEvent, WireEvent, WireItem
from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Ecommerce, Event, Item
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.remember import remembered

# GA4 allows letters, digits and "_"; names of other tag managers' events also have ". : -".
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_NOTHING, _LARGEST = Decimal(0), Decimal(10) ** 12
_KNOWN = frozenset(WireEvent.__struct_fields__)
_RawObject = dict[str, msgspec.Raw]
# Text that is no UTF-8 is reported by the interpreter and not by msgspec; so is nesting without end.
_UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_envelope = msgspec.json.Decoder(ClosedEnvelope)
_list = msgspec.json.Decoder(list[ClosedEvent])
_one = msgspec.json.Decoder(ClosedEvent)
_raw_object = msgspec.json.Decoder(_RawObject)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


class Unreadable(ValueError):
    """Nothing of the body can be read. ``remedy`` says what to send instead; no part of the body is in it."""

    def __init__(self, remedy: str, *, too_many: bool = False) -> None:
        super().__init__(remedy)
        self.remedy = remedy
        self.too_many = too_many


class Problem(msgspec.Struct, frozen=True, gc=False):
    """One event that was not taken. ``value`` is shown, cleaned and cut, where the field is not a personal one."""

    index: int
    place: str
    value: str
    remedy: str
    reason: str = Reason.MALFORMED.value
    outcome: str = Outcome.INVALID.value


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """One readable event, its place in the request, and its own idea of the time in ms since the epoch."""

    index: int
    event: Event
    time_ms: int


class Batch(msgspec.Struct, frozen=True, gc=False):
    """A request's events. ``sent_at_ms`` is the sender's clock when it sent them, where it said so."""

    events: list[Arrived]
    problems: list[Problem]
    sent_at_ms: int | None = None


def decode(body: bytes, max_events: int) -> Batch:
    """Return the events of a body. Raises `Unreadable` when it is no JSON of the three shapes, or has too many."""
    try:
        events, sent_at = _whole(body)
    except _UNREAD:
        return _piece_by_piece(body, max_events)
    if len(events) > max_events:
        raise _too_many(len(events), max_events)
    found: list[Arrived] = []
    problems: list[Problem] = []
    for index, event in enumerate(events):
        _finish(index, event, found, problems)
    return Batch(found, problems, _moment(sent_at))


def _whole(body: bytes) -> tuple[Sequence[Event], str | None]:
    if body.lstrip()[:1] == b"[":
        return _list.decode(body), None
    try:
        envelope = _envelope.decode(body)
    except msgspec.ValidationError:
        return [_one.decode(body)], None
    return envelope.events, envelope.sent_at


def _piece_by_piece(body: bytes, max_events: int) -> Batch:
    """Decode event by event, to tell the bad ones from the good."""
    sent_at: str | None = None
    try:
        if body.lstrip()[:1] == b"[":
            pieces = _raw_list.decode(body)
        else:
            whole = _raw_object.decode(body)
            if "events" in whole and "event" not in whole:
                pieces = _raw_list.decode(whole["events"])
                with contextlib.suppress(*_UNREAD, KeyError):
                    sent_at = _text.decode(whole["sent_at"])
            else:
                pieces = [msgspec.Raw(body)]
    except msgspec.ValidationError:
        raise Unreadable('send one event, a list of events, or {"events": [...]}') from None
    except _UNREAD:
        raise Unreadable("the body is no valid JSON in UTF-8 (NaN and Infinity are no JSON either)") from None
    if len(pieces) > max_events:
        raise _too_many(len(pieces), max_events)
    found: list[Arrived] = []
    problems: list[Problem] = []
    for index, piece in enumerate(pieces):
        try:
            known = _raw_object.decode(piece)
            extra = {name: known.pop(name) for name in known.keys() - _KNOWN}
            event = _one.decode(msgspec.json.encode({name: value for name, value in known.items() if name != "extra"}))
            if "extra" in known:
                extra |= _raw_object.decode(known["extra"])
        except _UNREAD as error:
            problems.append(_explain(index, piece, error))
            continue
        if extra:
            event.extra = extra
        _finish(index, event, found, problems)
    return Batch(found, problems, _moment(sent_at))


def _finish(index: int, event: Event, found: list[Arrived], problems: list[Problem]) -> None:
    """Check what the decoder cannot, or not as fast: names, times, currencies and amounts."""
    if not _is_name(event.event):
        problems.append(_bad_text(index, "event", event.event))
        return
    time_ms = _moment(event.event_time)
    if time_ms is None:
        problems.append(Problem(index, "event_time", event.event_time, _REMEDIES["event_time"]))
        return
    shop = event.ecommerce
    if shop.currency is not None:
        currency = _currency(shop.currency)
        if currency is None:
            problems.append(_bad_text(index, "ecommerce.currency", shop.currency))
            return
        shop.currency = currency
    if (
        (shop.value is not None and not _is_amount(shop.value))
        or (shop.tax is not None and not _is_amount(shop.tax))
        or (shop.shipping is not None and not _is_amount(shop.shipping))
    ):
        problems.append(_bad_amount(index, "ecommerce", shop, ("value", "tax", "shipping")))
        return
    for number, item in enumerate(shop.items):
        if (item.price is not None and not _is_amount(item.price)) or (
            item.discount is not None and not _is_amount(item.discount)
        ):
            problems.append(_bad_amount(index, f"ecommerce.items[{number}]", item, ("price", "discount")))
            return
    found.append(Arrived(index, event, time_ms))


@remembered(1_024, 64)
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


@remembered(1_024, 8)
def _currency(text: str) -> str | None:
    """Return the currency in capitals, or None when it is none."""
    return text.upper() if text.isascii() and text.isalpha() else None


def _bad_text(index: int, place: str, text: str) -> Problem:
    return Problem(index, place, msgspec.json.encode(text).decode(), _REMEDIES[place.rpartition(".")[2]])


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and _NOTHING <= value < _LARGEST and len(str(value)) <= 32


def _bad_amount(index: int, place: str, holder: Ecommerce | Item, names: Sequence[str]) -> Problem:
    """Report the first of ``names`` whose amount is none."""
    amounts: Iterator[tuple[str, Decimal | None]] = ((name, getattr(holder, name)) for name in names)
    name, value = next((name, value) for name, value in amounts if value is not None and not _is_amount(value))
    return Problem(index, f"{place}.{name}", str(value), _REMEDIES["price"])


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError, OSError):
        return None


def _too_many(count: int, limit: int) -> Unreadable:
    return Unreadable(f"{count} events in one request; send at most {limit}", too_many=True)


# -- saying what is wrong

_AMOUNT = "write a number from 0 up to 10^12, as a JSON number or as text with a decimal point"
_REMEDIES = {
    "event": "write an event name: a letter, then at most 63 letters, digits or _ . : -",
    "event_id": "give each event its own id, a text of 1 to 100 characters",
    "event_time": "write the time as RFC 3339 with an offset, such as 2026-09-01T11:59:00Z",
    "source": "write web, app or offline",
    "currency": "write the three letters of ISO 4217, such as PLN",
    "quantity": "write a whole number from 0 to 1000000",
    "index": "write a whole number from 0 to 1000000",
    "items": "send a list of at most 200 items",
} | dict.fromkeys(("price", "discount", "value", "tax", "shipping"), _AMOUNT)
_SHOWN = frozenset(_REMEDIES) | {"ad_storage", "analytics_storage", "ad_user_data", "ad_personalization", "gpc"}
_MISSING = re.compile(r"missing required field `(\w+)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_PART = re.compile(r"\w+")


def _explain(index: int, piece: msgspec.Raw, error: Exception) -> Problem:
    if isinstance(error, RecursionError):
        return Problem(index, "", "", "the event is nested too deeply; send the fields of the canonical event")
    message = str(error)
    place = found[1] if (found := _PLACE.search(message)) else ""
    if missing := _MISSING.search(message):
        place = f"{place}.{missing[1]}".lstrip(".")
    if not isinstance(error, msgspec.ValidationError):
        return Problem(index, place, "", "the event is no valid JSON in UTF-8")
    try:
        given: Any = msgspec.json.decode(piece)
    except _UNREAD:
        given = None
    if "[...]" in place:
        place = place.replace("[...]", f"[{_first_bad_item(given)}]", 1)
    name = parts[-1] if (parts := [part for part in _PART.findall(place) if not part.isdigit()]) else ""
    remedy = _REMEDIES.get(name) or _PLACE.sub("", message).replace("`", "") + "; see the canonical event"
    unread_consent = place.startswith("consent")
    return Problem(
        index,
        place,
        _show(given, place) if name in _SHOWN else "",
        remedy,
        (Reason.CONSENT_UNREADABLE if unread_consent else Reason.MALFORMED).value,
        (Outcome.FILTERED if unread_consent else Outcome.INVALID).value,
    )


def _first_bad_item(given: Any) -> int:
    with contextlib.suppress(TypeError, KeyError, AttributeError):
        for number, item in enumerate(given["ecommerce"]["items"]):
            try:
                msgspec.convert(item, WireItem)
            except msgspec.ValidationError:
                return number
    return 0


def _show(given: Any, place: str) -> str:
    for part in _PART.findall(place):
        try:
            given = given[int(part)] if part.isdigit() else given[part]
        except (KeyError, IndexError, TypeError):
            return ""
    return msgspec.json.encode(given).decode() if isinstance(given, str | int | float | bool | None) else ""
