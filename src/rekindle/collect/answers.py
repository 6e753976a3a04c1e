"""What the gateway answers to servers, as types: they are encoded, and described, from here."""

from __future__ import annotations

import msgspec

from rekindle.collect.wire import Problem


class Warned(msgspec.Struct, frozen=True):
    """What would make more of events that were kept; ``indexes`` are their places in the request."""

    indexes: list[int]
    place: str
    remedy: str
    reason: str


class Answer(msgspec.Struct, frozen=True):
    """The answer to ``POST /v1/events``: every event of the request is in one of the three counts."""

    accepted: int
    filtered: int
    invalid: int
    errors: list[Problem]
    warnings: list[Warned]


class Refusal(msgspec.Struct, frozen=True):
    """Why a request was refused as a whole (``error``, a stable code), and what to do."""

    error: str
    remedy: str
