"""What a platform's folder exports: a manifest, `configure`, and pure functions from items to requests and back.

The items are those of the published version: what channel, rules and checks made of them. A platform only puts the same
values into its API's words, so nothing is mapped a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Literal, Protocol

import msgspec

from rekindle.egress.connector import Answer, Manifest, OutRequest, Verdict
from rekindle.egress.later import Waits
from rekindle.feeds.spec import Spec
from rekindle.model.discover import discover
from rekindle.workspace import DestinationConsent

NO_CONSENT = DestinationConsent(consent_mode=[])
"""Goods are nobody's data: manifests of platforms ask for no field of an event and for no consent."""


class Reason(msgspec.Struct, frozen=True):
    """What a platform says of one item: its code, and its words, masked. ``refused`` says that it will not have it."""

    code: str
    words: str = ""
    refused: bool = True


class Entry(msgspec.Struct, frozen=True):
    """One item on its way: ``content`` is the platform's JSON of it, None to remove it.

    ``wanted_ms`` says since when the item is to be so; of two entries of an item the later one counts.
    """

    id: str
    content: bytes | None
    wanted_ms: int

    @property
    def size(self) -> int:
        """Bytes it adds to a request, about."""
        return len(self.id) + len(self.content or b"") + 200


class Reply(msgspec.Struct, frozen=True):
    """What an answer means: a verdict with one disposition for each entry, and what is said of single ones, by place.

    ``delivered``: the platform has it. ``accepted``: it decides later (the verdict's ticket). ``permanent``: refused.
    """

    verdict: Verdict
    reasons: Mapping[int, Reason] = msgspec.field(default_factory=dict)


class Look(msgspec.Struct, frozen=True):
    """What a platform says later of a request's items.

    ``waiting``: it has not decided. ``decided``: it has, for all but ``undecided``; ``reasons`` are its words for
    single items, the others are well. ``lost``: it does not know the request any more, so it is sent again.
    ``after_ms`` is a wait it asks for.
    """

    state: Literal["waiting", "decided", "lost"]
    reasons: Mapping[str, Reason] = msgspec.field(default_factory=dict)
    undecided: Collection[str] = ()
    words: str = ""
    after_ms: int = 0


class Catalogue(Protocol):
    """A configured account. Everything here is a pure function."""

    @property
    def fields(self) -> frozenset[str]:
        """Nothing: no event goes here."""
        ...

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that its requests may go to."""
        ...

    @property
    def batch(self) -> int:
        """How many items a request may hold."""
        ...

    def content(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Put a published item's values (by attribute; lists joined by `spec.SEPARATOR`) into the platform's words."""
        ...

    def build(self, entries: Sequence[Entry]) -> OutRequest:
        """Make one request of at most `batch` entries of different items."""
        ...

    def read(self, answer: Answer, entries: Sequence[Entry]) -> Reply:
        """Read the answer to `build`. Never raises: what cannot be read is a retry."""
        ...

    def question(self, ticket: str, entries: Sequence[Entry]) -> OutRequest:
        """Ask what became of the entries (without content) of an earlier request."""
        ...

    def read_question(self, answer: Answer, ticket: str, entries: Sequence[Entry]) -> Look:
        """Read the answer to `question`. Never raises: what cannot be read is ``waiting``."""
        ...


class Platform(Protocol):
    """What `platforms` finds for each channel.

    ``revision`` names how items are put into the API's words: raise it when that changes, so that all are sent again.
    ``waits`` says when to ask what became of a request. ``most_bytes`` bounds a request's body. ``expiry_ms``: after so
    long without a new submission the platform forgets an item (0: never). ``per_item``: each item of a request counts
    as a call of the platform's quota.
    """

    manifest: Manifest
    revision: str
    waits: Waits
    most_bytes: int
    expiry_ms: int
    per_item: bool

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str], spec: Spec) -> Catalogue:
        """Check settings and secrets. Raises `SettingsError`."""
        ...


@cache
def platforms() -> Mapping[str, ModuleType]:
    """Return the platforms' modules by the channel whose feeds they take."""
    return discover("rekindle.feeds.platforms")


def platform(channel: str) -> Platform | None:
    """Return the platform that takes a channel's items by API, or None; ``channel`` may have a format after a slash."""
    found: Any = platforms().get(channel.partition("/")[0])
    module: Platform | None = found
    return module
