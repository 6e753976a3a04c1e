"""What a source behind an account exports besides `Source`: a manifest and `configure`. All of it is pure functions.

A *walk* reads a shop system's catalogue as a chain of cursors: `begin` gives the first, `ask` turns a cursor into one
request, `read` turns the answer into records and the next cursor, and a cursor of None is the end. The walker
(`rekindle.catalog.walker`) holds the network, the clock and the file of records; since a cursor is all there is to
know, a walk can stop anywhere and go on later. The records of a whole walk are read by the same folder's `items`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from rekindle.catalog.row import Source
from rekindle.egress.connector import Answer, Setting

__all__ = ["Answer", "Setting"]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an account must be told and may ask.

    ``steps`` tell where in the shop system its keys are made. ``secrets`` are settings whose value names a secret: ``token = { secret = "shopify_token" }``. ``hook_secret`` is
    the one that signs its webhooks ("" : it sends none). ``since``: it can be asked for what changed after a moment.
    ``per_second`` is the documented quota of requests. ``unverified`` says what no public document confirms, ``checked``
    what was compared with what; ``documents`` are those that the folder was written from.
    """

    name: str
    steps: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    secrets: tuple[Setting, ...] = ()
    hook_secret: str = ""
    since: bool = False
    per_second: float | None = None
    timeout_ms: int = 60_000
    answer_bytes: int = 64 << 20
    unverified: str = ""
    checked: str = ""
    documents: tuple[str, ...] = ()


class Scope(msgspec.Struct, frozen=True):
    """What is to be read: everything, what changed since a moment (ms), or what ``keys`` name.

    A key is the id of a product, as in `Read.origins`, or a kind and an id (``inventory_item:12``), as a webhook says it.
    """

    since_ms: int | None = None
    keys: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether a walk of this scope sees everything, so that what it does not see is gone."""
        return self.since_ms is None and not self.keys


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place in a walk. It is small, whatever the size of the catalogue, and survives as JSON.

    ``after`` is the platform's own cursor or the last id seen; ``todo`` are the things to ask for before the next
    page; ``total`` is how many the platform says there are; ``facts`` is what was learnt on the way (a currency).
    """

    stage: str
    page: int = 1
    after: str = ""
    todo: tuple[str, ...] = ()
    total: int | None = None
    facts: Mapping[str, str] = {}
    scope: Scope = Scope()


class Ask(msgspec.Struct, frozen=True):
    """One request. Headers may hold credentials: never log one.

    ``lines``: the answer is a file of JSON Lines, which are records as they are; `read` is then given no body.
    """

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    lines: bool = False

    def __repr__(self) -> str:
        return f"Ask({self.method}, {len(self.body)} bytes)"


class Record(msgspec.Struct, omit_defaults=True):
    """One object as the platform gave it. Of several with the same ``kind`` and ``id`` the last counts."""

    kind: str
    id: str
    body: Any
    parent: str = ""


class Read(msgspec.Struct, frozen=True):
    """What an answer held. ``next`` is None at the end of the walk; ``pause_ms`` is how long to wait before it.

    ``origins`` are the products that this answer told all about, or that it said do not exist: of these, items that
    no record makes any more are not sold any more.
    """

    next: Cursor | None
    records: Sequence[Any] = ()
    origins: Sequence[str] = ()
    pause_ms: int = 0


class Trouble(msgspec.Struct, frozen=True):
    """Why an answer holds nothing.

    ``wait``: over the quota, ask again after ``after_ms``. ``again``: a fault that may pass. ``restart``: the cursor
    is no good any more, walk from the beginning. ``denied``: the credentials were refused. ``broken``: anything else;
    asking again would not help. ``words`` never hold what the platform said unmasked.
    """

    kind: Literal["wait", "again", "restart", "denied", "broken"]
    words: str
    after_ms: int = 0


class Account(Protocol):
    """A configured account of a shop system."""

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts (with a port where it is not 443) that its requests may go to."""
        ...

    def login(self) -> Ask | None:
        """Return the request for an access token, or None when the secrets are all it takes."""
        ...

    def token(self, answer: Answer) -> str | Trouble:
        """Read the answer to `login`."""
        ...

    def begin(self, scope: Scope) -> Cursor:
        """Return where a walk begins."""
        ...

    def ask(self, cursor: Cursor, token: str) -> Ask:
        """Return the request of a cursor. Asking twice must be harmless."""
        ...

    def read(self, cursor: Cursor, answer: Answer) -> Read | Trouble:
        """Read the answer to a cursor's request. Never raises `Trouble`; what cannot be understood is ``broken``."""
        ...


class Unsigned(Exception):
    """A webhook without a signature of ours; nothing of it may be believed."""


class AccountModule(Source, Protocol):
    """A source's package whose location is an account. It may offer ``hint`` too (see `Hints`)."""

    @property
    def manifest(self) -> Manifest:
        """What the account must be told and may ask."""
        ...

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str], /) -> Account:
        """Check settings and secrets. Raises `rekindle.egress.connector.SettingsError`."""
        ...


class Hints(Protocol):
    """What a source's package offers when its shop system sends webhooks."""

    def hint(self, headers: Mapping[str, str], body: bytes, secret: str, now_ms: int, /) -> Sequence[str]:
        """Return the keys to be read again. Raises `Unsigned`. Header names are lower case."""
        ...
