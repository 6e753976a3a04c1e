"""From a row to a person that may be told a platform, or to the reason why not: consent, seal, mapping."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rekindle.egress._people import Person, Seal, Told
from rekindle.egress._prepare import ConsentFacts, Opener
from rekindle.egress.audience import AudienceConnector, MappedMember, Member, Operation
from rekindle.egress.connector import Rejected
from rekindle.egress.fields import cut_member
from rekindle.model.event import Client, Consent, User
from rekindle.model.names import PLAIN, Names
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.record import ConsentChange, Stored, decode
from rekindle.model.sealed import Sealed, unpack
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import decide_member, permit_removal
from rekindle.privacy.permit import Permit
from rekindle.workspace import Destination, Policy


class Ready(msgspec.Struct, frozen=True):
    """One person to be added or removed, with the permit that says so."""

    person: Person
    operation: Operation
    mapped: MappedMember
    permit: Permit


class Members:
    """Decides and maps for one audience at one platform. Holds nobody after it returned."""

    def __init__(
        self,
        name: str,
        workspace: str,
        destination: Destination,
        policy: Policy,
        fields: frozenset[str],
        consents: ConsentFacts,
        vault: Opener,
        vendors: Vendors,
        names: Names = PLAIN,
    ) -> None:
        self._names = names
        self._name = name
        self._workspace = workspace
        self._audience = destination.audience
        self._rule = destination.consent
        self._policy = policy
        self._fields = fields
        self._consents = consents
        self._vault = vault
        self._vendors = vendors

    def seals(self, values: Sequence[bytes]) -> dict[str, Seal]:
        """Return the newest seal of each subject that holds an identifier of use here, and the person's other names."""
        found: dict[str, Seal] = {}
        for value in values:
            try:
                record = decode(value)
            except msgspec.MsgspecError:
                continue
            if isinstance(record, Stored) and record.workspace == self._workspace and record.sealed and not record.bot:
                opened = self._open(record.subject, record.sealed)
                if opened is not None and cut_member(*opened, self._fields) != (User(), Client()):
                    subject = self._names.current(record.subject)
                    others = tuple(map(self._names.current, record.user_subjects))
                    found[subject] = Seal(record.sealed, record.subject, others)
        return found

    def subjects(self, values: Sequence[bytes]) -> set[str]:
        """Return whose choice these records may have changed."""
        found: set[str] = set()
        for value in values:
            try:
                record = decode(value)
            except msgspec.MsgspecError:
                continue
            if isinstance(record, Stored | ConsentChange) and record.workspace == self._workspace:
                found.add(self._names.current(record.subject))
        return found

    def prepare(self, due: Sequence[Person], connector: AudienceConnector, now_ms: int) -> list[Ready | Told]:
        """Decide about each person now. Never raises for what a person's data says."""
        names = {name for person in due for name in (person.subject, *person.names)}
        listed = set(self._consents.suppressed_among(self._workspace, names))
        return [
            self._one(person, connector, not listed.isdisjoint((person.subject, *person.names)), now_ms)
            for person in due
        ]

    def _one(self, person: Person, connector: AudienceConnector, suppressed: bool, now_ms: int) -> Ready | Told:
        def end(outcome: Outcome, reason: str, detail: str = "") -> Told:
            return Told(person.subject, person.sent, outcome, reason, detail)

        if not person.wanted and not person.sent:
            return end(Outcome.FILTERED, "never-sent")
        job = f"{self._audience}/{person.subject}"
        latest = self._consents.latest(self._workspace, person.subject)
        permit: Permit | None = None
        if person.wanted:
            decision = decide_member(
                self._workspace, person.subject, job, self._name, self._rule, self._policy,
                fields=connector.fields, latest=latest, suppressed=suppressed, now_ms=now_ms, vendors=self._vendors,
            )  # fmt: skip
            permit = decision.permit
            if permit is None and not person.sent:
                return end(Outcome.FILTERED, str(decision.reason) or Reason.PERMIT_DENIED)
            if permit is not None and person.sent and not _told_again(person):
                return _as_it_is(person)
        operation: Operation = "add" if permit is not None else "remove"
        if permit is None:
            # They left; or they are there, and may no longer be.
            permit = permit_removal(
                self._workspace, person.subject, job, self._name, fields=connector.fields, now_ms=now_ms
            )
        opened = self._open(person.sealed_for, person.sealed) if person.sealed else (User(), Client())
        if opened is None:
            return end(Outcome.FILTERED, Reason.ERASED)
        user, client = cut_member(*opened, permit.fields)
        try:
            mapped = connector.map(
                Member(job, user, client, permit.told(latest or Consent()), permit.limited_use), operation
            )
        except Exception as error:  # noqa: BLE001 - one person a mapping did not expect must not stop the lane
            mapped = Rejected("mapping-failed", type(error).__name__)
        if isinstance(mapped, Rejected):
            return end(Outcome.INVALID, mapped.reason, mapped.detail)
        return Ready(person, operation, mapped, permit)

    def _open(self, subject: str, sealed: bytes) -> tuple[User, Client] | None:
        """Return what is in the seal; None when the person was erased."""
        plain = self._vault.open(self._workspace, subject, sealed)
        if plain is None:
            return None
        try:
            opened = unpack(plain)
        except msgspec.MsgspecError:
            opened = Sealed()
        return opened.user, opened.client


def _told_again(person: Person) -> bool:
    """Say whether the platform refused some of the person's request: they may be there, and are added again."""
    return person.outcome == Outcome.WAITING and person.reason == Reason.PARTLY_REFUSED


def _as_it_is(person: Person) -> Told:
    """Return that nothing changes: they are there, or the platform is still deciding about it."""
    if person.outcome == Outcome.ACCEPTED:
        return Told(person.subject, True, Outcome.ACCEPTED, person.reason, ticket=person.ticket)
    return Told(person.subject, True, Outcome.DELIVERED, Reason.OK)
