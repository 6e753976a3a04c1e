"""What the log stores: accepted events without personal data in clear, tallies of refused ones, consent changes."""

from __future__ import annotations

import msgspec

from rekindle.model.event import Consent, Ecommerce, LimitedDataUse, Page, Source


class Stored(msgspec.Struct, tag="e", omit_defaults=True, gc=False):
    """One accepted event.

    ``subject`` is the visitor's keyed pseudonym; every log key, profile and audience uses it and never a raw id.
    ``sealed`` holds ``client`` and ``user`` (`Sealed`, MessagePack) encrypted with the subject's own key, so that
    destroying that key erases them here too. ``consent`` keeps the signals as they came, because a permit is decided
    again at every send; ``user_subjects`` are further pseudonyms of the same person (login, e-mail), for joining.
    """

    workspace: str
    event_id: str
    event: str
    event_time_ms: int
    received_ms: int
    source: Source
    subject: str
    page: Page
    ecommerce: Ecommerce
    consent: Consent
    sealed: bytes = b""
    user_subjects: list[str] = msgspec.field(default_factory=list)
    device_type: str | None = None
    os: str | None = None
    ldu: LimitedDataUse | None = None
    bot: bool = False


class Tally(msgspec.Struct, tag="t", gc=False):
    """How many events of one kind were refused at the door, and why; nothing of the events themselves is kept.

    ``outcome`` is ``filtered`` or ``invalid``; ``reason`` is one of `rekindle.model.outcome.Reason`.
    """

    workspace: str
    received_ms: int
    outcome: str
    reason: str
    count: int


class ConsentChange(msgspec.Struct, tag="c", gc=False):
    """A known visitor's newer choice, written when it allows less than before; every later send is decided with it.

    Without it, an event queued before the withdrawal would leave after it.
    """

    workspace: str
    received_ms: int
    subject: str
    consent: Consent


Record = Stored | Tally | ConsentChange

_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """Return the record as MessagePack, the form in which every log engine stores it."""
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """Read one record. Raises `msgspec.DecodeError` when ``data`` is not one."""
    return _decoder.decode(data)
