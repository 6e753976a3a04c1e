"""What the folder of an audience destination exports: a manifest (``kind="audience"``), `configure` and `classify`.

As with events, mapping, building, sending and reading the answer are apart, and everything here is a pure function.
Only differences are sent: who came (``add``) and who left or withdrew (``remove``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from rekindle.egress.connector import Answer, Manifest, OutRequest, Rejected, Verdict
from rekindle.model.event import Client, Consent, User

Operation = Literal["add", "remove"]


class Member(msgspec.Struct, frozen=True):
    """One person to be added or removed, already cut to the permitted fields.

    ``member_id`` names the person within one job and takes the place of an event's id in permits, requests and
    verdicts; it is not sent. ``consent`` is the person's newest choice as it was decided, for platforms that want it
    told; ``limited_use`` comes from the permit too.
    """

    member_id: str
    user: User = msgspec.field(default_factory=User)
    client: Client = msgspec.field(default_factory=Client)
    consent: Consent = msgspec.field(default_factory=Consent)
    limited_use: bool = False


class MappedMember(msgspec.Struct, frozen=True):
    """One person's identifiers in the platform's words.

    Members with different ``group`` never share a request: jobs are split by the state of consent.
    """

    member_id: str
    body: Any
    group: str = ""


class AudienceConnector(Protocol):
    """A configured list of one account."""

    @property
    def fields(self) -> frozenset[str]:
        """The parts of a person this account uses: the manifest's, or fewer by its settings."""
        ...

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts (with a port where it is not 443) that its requests may go to."""
        ...

    @property
    def batch(self) -> int:
        """How many people a call of `build` may be given."""
        ...

    def map(self, member: Member, operation: Operation) -> MappedMember | Rejected:
        """Put one person into the platform's words; `Rejected` when nothing of them could be matched."""
        ...

    def build(self, operation: Operation, batch: Sequence[MappedMember], now_ms: int) -> Sequence[OutRequest]:
        """Make the requests for people of one group, at most `batch` of them.

        Usually one; more where the platform takes one kind of identifier a request: a person with several kinds is
        then in several, and done when all of them are. ``event_ids`` of a request are the member ids in it.
        """
        ...


class Session(msgspec.Struct, frozen=True):
    """The place of one request in the session that replaces a list; ``seq`` starts at one.

    ``last`` ends the session. ``total`` is how many people there will be, as far as is known when it begins.
    """

    id: int
    seq: int
    last: bool
    total: int


@runtime_checkable
class Replaces(Protocol):
    """A list that a platform replaces as a whole, in one session of several requests. A connector may have it."""

    @property
    def replace_batch(self) -> int:
        """How many people a request may hold."""
        ...

    @property
    def replace_ms(self) -> int:
        """How long a session may take; what is not finished by then begins anew."""
        ...

    def replace(self, batch: Sequence[MappedMember], session: Session) -> OutRequest:
        """Make one request of a session; members of different groups may be in it."""
        ...


class AudienceModule(Protocol):
    """What `rekindle.model.discover` finds for each audience destination, among the others."""

    @property
    def manifest(self) -> Manifest:
        """What the connector may touch and must be told; ``limits.batch`` counts people."""
        ...

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> AudienceConnector:
        """Check settings and secrets. Raises `SettingsError`."""
        ...

    def classify(self, answer: Answer, batch_size: int) -> Verdict:
        """Read an answer to the end, for ``batch_size`` people. Never raises: what cannot be read is a retry."""
        ...
