"""Platforms that take a request now and decide about it later: how they are asked, and what they say.

A connector takes part by having these three; one without is never asked, and what it took stays ``accepted``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

import msgspec

from rekindle.egress.connector import Answer, OutRequest

State = Literal["waiting", "delivered", "partial", "refused"]


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """When to look: first after ``first_ms``, then each time twice as long later, ``longest_ms`` at most.

    A platform that has not decided ``deadline_ms`` after the request is asked no more. ``again``: its word is of one
    request, and it counts what is sent twice once; where it refuses some of a request without saying which, all of it is
    sent again in smaller requests, until the bad one is alone.
    """

    first_ms: int
    longest_ms: int = 4 * 3_600_000
    deadline_ms: int = 48 * 3_600_000
    again: bool = False


class Receipt(msgspec.Struct, frozen=True):
    """What a platform says of one request.

    ``waiting``: not decided, or the answer says nothing of it (look again). ``delivered``, ``refused``: all of it.
    ``partial``: some was refused, and the platform does not say which. ``words`` are the platform's, masked;
    ``reasons`` its codes with how many records each befell; ``match_rate`` is how many percent of a request's people it
    knows, with its own words for it, where it tells. ``after_ms`` is a wait it asks for.
    """

    state: State
    words: str = ""
    reasons: Mapping[str, int] = msgspec.field(default_factory=dict)
    match_rate: tuple[float, str] | None = None
    after_ms: int = 0


@runtime_checkable
class DecidesLater(Protocol):
    """A configured account, of events or of an audience, whose platform can be asked what it decided."""

    @property
    def waits(self) -> Waits | None:
        """When to ask; None when this account's settings make it useless (a mode in which nothing is kept)."""
        ...

    def status_request(self, ticket: str) -> OutRequest:
        """Return the question about the request that was answered with this `Verdict.ticket`; it names no event."""
        ...

    def read_status(self, answer: Answer, ticket: str) -> Receipt:
        """Read the platform's word. Never raises: what cannot be read is ``waiting``."""
        ...
