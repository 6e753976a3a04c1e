"""What a destination folder exports: a manifest and `configure`; the rest is pure functions of what it is given.

Mapping, building the request, sending it and reading the answer are apart, so previews and tests need no network and
a connector never holds one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from rekindle.model.event import Event
from rekindle.privacy.normalise import Platform
from rekindle.workspace import DestinationConsent

Disposition = Literal["delivered", "accepted", "retry", "permanent", "split", "hold"]
CredentialAction = Literal["refresh", "stop"]


class SettingsError(ValueError):
    """A destination's settings cannot be used; the message names key, value and remedy, and never a secret."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """``batch``: events a request. ``future_ms``: how far ahead of now an event may lie. ``answer_bytes``: what is read.

    ``per_second``: the platform's documented quota of requests. ``concurrency``: open requests at the utmost.
    """

    batch: int
    future_ms: int = 600_000
    timeout_ms: int = 10_000
    answer_bytes: int = 1_048_576
    per_second: float | None = None
    concurrency: int = 8


class Setting(msgspec.Struct, frozen=True):
    """One setting of a connector, for its documentation and for the set-up dialogue.

    ``asked``: the dialogue asks for it although there are other ways to configure the account.
    """

    name: str
    help: str
    required: bool = False
    asked: bool = False


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """How an access token is renewed (RFC 6749), for accounts that give the means instead of a token of their own.

    ``url`` is asked for it; ``makes`` is the manifest's secret that is then not given but made. ``refresh_token``
    needs the further secrets ``client_id``, ``client_secret`` and ``refresh_token``; ``client_credentials`` the first
    two. ``basic``: the client says who it is in the ``Authorization`` header, not in the form. ``life_s``: how long a
    token lives when the answer does not say.
    """

    url: str
    grant: Literal["refresh_token", "client_credentials"] = "refresh_token"
    makes: str = "access_token"
    basic: bool = False
    scope: str = ""
    life_s: int = 3600

    @property
    def seeds(self) -> tuple[str, ...]:
        """The secrets that are the means."""
        return ("client_id", "client_secret", "refresh_token")[: 3 if self.grant == "refresh_token" else 2]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector may touch and must be told.

    ``fields`` are the parts of the event it can use (``user.email``, or ``ecommerce`` for everything below); it is
    given no more than these, less what the permit leaves out. ``hosts`` are the only ones it may call, unless a
    setting names another (``host_settings``: settings that hold a URL whose host is allowed). ``secrets`` are settings
    whose value is a secret's name: ``access_token = { secret = "meta_token" }``. ``consent`` is the rule suggested to
    a new account and used by previews that bring none. ``kind`` says what goes there: ``events``, or the members of an
    ``audience`` (`rekindle.egress.audience`). ``unverified`` says what of it no public document confirms.
    ``oauth`` lets an account renew its token itself. ``identifiers`` is the normaliser of a connector that brings its
    own: who is erased is looked for by its hashes too, and `rekindle identifiers` knows it.
    """

    name: str
    title: str
    fields: frozenset[str]
    purposes: frozenset[str]
    hosts: frozenset[str]
    limits: Limits
    consent: DestinationConsent
    settings: tuple[Setting, ...] = ()
    secrets: tuple[Setting, ...] = ()
    host_settings: tuple[str, ...] = ()
    kind: Literal["events", "audience"] = "events"
    unverified: str = ""
    oauth: OAuth | None = None
    identifiers: Platform | None = None


class Mapped(msgspec.Struct, frozen=True):
    """One event in the platform's words. ``time_ms`` is when it happened; after ``expires_ms`` the platform refuses it.

    Events with different ``group`` never share a request.
    """

    event_id: str
    body: dict[str, Any]
    time_ms: int
    expires_ms: int
    group: str = ""


class Rejected(msgspec.Struct, frozen=True):
    """The event cannot go to this platform. ``detail`` says which field; it never holds a value."""

    reason: str
    detail: str = ""


class OutRequest(msgspec.Struct, frozen=True):
    """One HTTP request with the events that are in it. Headers may hold credentials: never log one."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    event_ids: tuple[str, ...]

    def __repr__(self) -> str:
        return f"OutRequest({self.method}, {len(self.event_ids)} events, {len(self.body)} bytes)"


class Answer(msgspec.Struct, frozen=True):
    """What the platform said; header names are lower case. ``body`` may be cut at the manifest's ``answer_bytes``."""

    status: int
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""


class Retry(msgspec.Struct, frozen=True):
    """When to come back: not before ``after_ms`` from now. ``throttled``: the account is over its quota."""

    after_ms: int = 0
    throttled: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What an answer means for each event of its request, in their order.

    ``split``: refused because of its company; send again in smaller parts (without those marked ``permanent``).
    ``hold``: nothing is wrong with the event; the account is not usable until someone repairs it.
    ``words`` are the platform's, masked; ``trace`` is the platform's id of the call. ``ticket`` is by what the platform
    can be asked what it decided about ``accepted`` events (`rekindle.egress.later`); "" where it never tells.
    """

    per_event: tuple[Disposition, ...]
    credential_action: CredentialAction | None = None
    retry: Retry | None = None
    words: str = ""
    trace: str = ""
    ticket: str = ""


class Connector(Protocol):
    """A configured account. Everything here is a pure function."""

    @property
    def fields(self) -> frozenset[str]:
        """The parts of the event this account uses: the manifest's, or fewer by its settings."""
        ...

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts (with a port where it is not 443) that its requests may go to."""
        ...

    @property
    def batch(self) -> int:
        """How many events a request may hold."""
        ...

    def maps(self, name: str) -> bool:
        """Say whether events of this GA4 name go to this account at all."""
        ...

    def map(self, event: Event) -> Mapped | Rejected:
        """Put one event, already cut to the permitted fields, into the platform's words."""
        ...

    def build(self, batch: Sequence[Mapped], now_ms: int) -> OutRequest:
        """Make one request of events of one group, at most `batch` of them."""
        ...


class ConnectorModule(Protocol):
    """What `rekindle.model.discover` finds for each destination."""

    @property
    def manifest(self) -> Manifest:
        """What the connector may touch and must be told."""
        ...

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Connector:
        """Check settings and secrets. Raises `SettingsError`."""
        ...

    def classify(self, answer: Answer, batch_size: int) -> Verdict:
        """Read an answer to the end; it needs no account. Never raises: what cannot be read is a retry."""
        ...
