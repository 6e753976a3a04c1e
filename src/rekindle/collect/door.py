"""The door: time, consent, classification, pseudonyms and the seal make records of events, or count them as refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol

import msgspec

from rekindle.collect.agents import read_agent
from rekindle.collect.cookie import new_visitor
from rekindle.collect.hints import filtered
from rekindle.collect.pages import Pages
from rekindle.collect.wire import Arrived, Batch, Problem
from rekindle.engines.log import Keyed
from rekindle.model.clicks import set_click_ids
from rekindle.model.clock import Clock
from rekindle.model.event import Consent, Event, User
from rekindle.model.outcome import Outcome, Reason
from rekindle.model.record import ConsentChange, Record, Stored, Tally, encode
from rekindle.model.sealed import Sealed, pack
from rekindle.workspace import Policy, Workspace, duration_ms

# A shorter difference is the network's, not the clock's; both senders of one purchase then keep equal times.
_CLOCK_TOLERANCE_MS = 60_000
_CONSENT_UPDATE = "consent_update"
# Entries, and the characters of one: each kind takes 8 MB at the utmost. Most strings of consent are shorter than 2,048.
_REMEMBERED, _LONGEST_CONSENT = 4096, 2048
_LONGEST_CLEANED, _LONGEST_SHOWN = 1000, 40  # characters of a wrong value
_ANSWER_MS = 1000


_duration = lru_cache(maxsize=256)(duration_ms)


class Answer(Protocol):
    """What the consent code says of one event."""

    @property
    def keep(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...


class SubjectOf(Protocol):
    """Makes the keyed pseudonym of one identifier; raises `ValueError` when nothing is left to name."""

    def __call__(self, workspace: str, kind: str, raw: str, *, region: str | None = None) -> str: ...


class Guards(NamedTuple):
    """What `privacy` does for the gateway.

    ``consent(signals, policy, now_ms)`` decides whether an event may be stored; ``seal(workspace, subject,
    plaintext)`` encrypts for one person; ``clean_url``, ``clean_text`` and ``clean_search_term`` cut personal data out;
    ``suppressed(workspace, subject)`` knows who was erased. It is asked for every name of every event, so it must not
    go to a database each time.
    """

    consent: Callable[[Consent, Policy, int], Answer]
    subject: SubjectOf
    seal: Callable[[str, str, bytes], bytes]
    clean_url: Callable[[str], str]
    clean_text: Callable[[str], str]
    clean_search_term: Callable[[str | None], str | None]
    suppressed: Callable[[str, str], bool] = lambda _workspace, _subject: False


class Sender(NamedTuple):
    """Who sent the request. ``visitor`` is the id of the cookie, if there is one; a server is no ``browser``."""

    browser: bool
    ip: str = ""
    user_agent: str = ""
    visitor: str | None = None


class Taken(msgspec.Struct, gc=False):
    """What became of a request's events: the records to append, and what to tell the sender.

    ``visitor`` is the id that the browser is to hold from now on, ``withdrawn`` that it is to forget its own.
    ``refused`` counts by ``(outcome, reason)``. ``problems`` and ``agentless`` (the places of accepted events of the
    web whose browser is not named) are for a server; a browser is told nothing. ``subject`` is the visitor's, ``clear`` the one that
    was looked up last and is not suppressed.
    """

    records: list[Keyed]
    problems: list[Problem]
    agentless: list[int]
    accepted: int = 0
    bots: int = 0
    visitor: str | None = None
    subject: str = ""
    clear: str = ""
    withdrawn: bool = False
    refused: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)

    def count(self, outcome: str) -> int:
        """Return how many events were ``filtered`` or ``invalid``."""
        return sum(number for (kind, _), number in self.refused.items() if kind == outcome)

    def refuse(self, outcome: str, reason: str) -> None:
        """Count one event."""
        self.refused[outcome, reason] = self.refused.get((outcome, reason), 0) + 1


class Door:
    """Takes batches of events for a workspace. Nothing is written here; the caller appends `Taken.records`."""

    def __init__(self, guards: Guards, clock: Clock, *, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._guards = guards
        self._clock = clock
        self._pages = Pages(guards.clean_url, guards.clean_text)
        self._random = random
        self._answers: dict[tuple[object, ...], tuple[Answer, Policy, int]] = {}

    def take(self, workspace: Workspace, batch: Batch, sender: Sender) -> Taken:
        """Decide on every event of a batch. Raises what the guards raise; then nothing may be acknowledged."""
        now = self._clock()
        taken = Taken([], [], [])
        for problem in batch.problems:
            taken.refuse(problem.outcome, problem.reason)
            shown = self._guards.clean_text(problem.value[:_LONGEST_CLEANED])[:_LONGEST_SHOWN]
            taken.problems.append(msgspec.structs.replace(problem, value=shown))
        shift = _clock_shift(batch, sender, now)
        policy = workspace.policy
        earliest, latest = now - _duration(policy.max_event_age), now + _duration(policy.max_clock_skew)
        seen: Consent | None = None
        answer: Answer | None = None
        for arrived in batch.events:
            time_ms = arrived.time_ms + shift
            if not earliest <= time_ms <= latest:
                self._refuse_time(taken, arrived, late=time_ms < earliest, policy=policy)
                continue
            if answer is None or arrived.event.consent != seen:
                seen = arrived.event.consent
                answer = self._ask(workspace, seen, now)
            self._one(workspace, arrived, time_ms, now, sender, answer, taken)
        for (outcome, reason), number in taken.refused.items():
            taken.records.append(_keyed("", Tally(workspace.name, now, outcome, reason, number)))
        return taken

    def _one(
        self,
        workspace: Workspace,
        arrived: Arrived,
        time_ms: int,
        now: int,
        sender: Sender,
        answer: Answer,
        taken: Taken,
    ) -> None:
        event, name = arrived.event, workspace.name
        if not answer.keep:
            taken.refuse(Outcome.FILTERED.value, answer.reason)
            if not sender.browser:
                taken.problems.append(filtered(arrived.index, answer.reason, answer.detail))
            if answer.reason == Reason.CONSENT_DENIED:
                self._withdraw(workspace, event, sender, now, taken)
            return
        user = event.user
        others = list(self._names(workspace, user)) if user.user_id or user.email or user.phone else []
        if sender.browser:
            # A visitor who withdraws and comes back within one request is a new visitor.
            visitor = taken.visitor or (None if taken.withdrawn else sender.visitor) or new_visitor(self._random)
            if visitor != taken.visitor:
                taken.visitor, taken.subject = visitor, self._guards.subject(name, "cookie", visitor)
            subject = taken.subject
        else:
            if event.client.client_id:
                others.insert(0, self._guards.subject(name, "cookie", event.client.client_id))
            if not others:
                remedy = (
                    "name the person: client.client_id (the value of the cookie rk_id), user.user_id, email or phone"
                )
                taken.problems.append(Problem(arrived.index, "user", "", remedy, Reason.MISSING_FIELD.value))
                taken.refuse(Outcome.INVALID.value, Reason.MISSING_FIELD.value)
                return
            subject = others.pop(0)
        if (subject != taken.clear or others) and self._suppressed(name, subject, others):
            # Who was erased stays so: not even a refusal of theirs is written down. The browser is to forget its id.
            taken.refuse(Outcome.FILTERED.value, Reason.SUPPRESSED.value)
            if sender.browser:
                taken.visitor, taken.withdrawn = None, True
            else:
                taken.problems.append(filtered(arrived.index, Reason.SUPPRESSED.value))
            return
        taken.clear = subject
        if not sender.browser and event.source == "web" and not event.client.user_agent:
            taken.agentless.append(arrived.index)
        if event.event == _CONSENT_UPDATE:
            for one in (subject, *others):
                taken.records.append(_keyed(one, ConsentChange(name, now, one, event.consent)))
        stored = self._store(name, event, time_ms, now, sender, subject, others)
        taken.records.append(_keyed(subject, stored))
        taken.accepted += 1
        taken.bots += stored.bot

    def _suppressed(self, name: str, subject: str, others: list[str]) -> bool:
        return any(self._guards.suppressed(name, one) for one in (subject, *others))

    def _store(
        self, name: str, event: Event, time_ms: int, now: int, sender: Sender, subject: str, others: list[str]
    ) -> Stored:
        client = event.client
        if sender.browser:
            # A page cannot know its address, and what it says of its browser is worth less than the header.
            client.ip = sender.ip or None
            client.user_agent = sender.user_agent or None
        cleaned, clicks = self._pages.read(event.page)
        if clicks:
            set_click_ids(client, event.user, clicks, time_ms)
        agent = read_agent(client.user_agent or "") if sender.browser or client.user_agent else None
        ecommerce = event.ecommerce
        if ecommerce.search_term is not None:
            ecommerce.search_term = self._guards.clean_search_term(ecommerce.search_term)
        extra = msgspec.json.encode(event.extra) if event.extra else b""
        # By place: names cost five times as much, and this is done for every event.
        return Stored(
            name, event.event_id, event.event, time_ms, now, event.source, subject, cleaned, ecommerce, event.consent,
            self._guards.seal(name, subject, pack(Sealed(client, event.user, extra))),
            others,
            client.device_type or (agent.device_type if agent else None),
            client.os or (agent.os if agent else None),
            event.ldu,
            agent.bot if agent else False,
        )  # fmt: skip

    def _ask(self, workspace: Workspace, consent: Consent, now: int) -> Answer:
        """Decide on consent; a visitor's next request, with the same signals within a second, gets the same answer."""
        name = (workspace.name, *msgspec.structs.astuple(consent))
        held = self._answers.get(name)
        if held is not None and held[1] is workspace.policy and 0 <= now - held[2] < _ANSWER_MS:
            return held[0]
        answer = self._guards.consent(consent, workspace.policy, now)
        if sum(len(part) for part in name if isinstance(part, str)) <= _LONGEST_CONSENT:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[name] = (answer, workspace.policy, now)
        return answer

    def _withdraw(self, workspace: Workspace, event: Event, sender: Sender, now: int, taken: Taken) -> None:
        """Record a known visitor's refusal, so that what was accepted before is not sent after it."""
        known = set()
        if sender.browser:
            visitor = taken.visitor or sender.visitor
            if visitor is None:
                return  # a stranger who refuses leaves nothing behind but a number
            known.add(self._guards.subject(workspace.name, "cookie", visitor))
            taken.visitor, taken.withdrawn = None, True
        elif event.client.client_id:
            known.add(self._guards.subject(workspace.name, "cookie", event.client.client_id))
        known.update(self._names(workspace, event.user))
        for subject in sorted(known):
            if self._guards.suppressed(workspace.name, subject):
                continue
            change = ConsentChange(workspace.name, now, subject, event.consent)
            taken.records.append(_keyed(subject, change))

    def _names(self, workspace: Workspace, user: User) -> Iterator[str]:
        """Yield the pseudonyms of the person's other names; what cannot be read as one is left out."""
        for kind, raw in (("user_id", user.user_id), ("email", user.email), ("phone", user.phone)):
            if raw:
                try:
                    yield self._guards.subject(workspace.name, kind, raw, region=workspace.shop.country)
                except ValueError:
                    continue

    @staticmethod
    def _refuse_time(taken: Taken, arrived: Arrived, *, late: bool, policy: Policy) -> None:
        reason = (Reason.TOO_OLD if late else Reason.IN_FUTURE).value
        limit = (
            f"at most {policy.max_event_age} old (policy.max_event_age)"
            if late
            else f"at most {policy.max_clock_skew} ahead (policy.max_clock_skew); check the sender's clock"
        )
        remedy = f"send events that are {limit}"
        taken.problems.append(Problem(arrived.index, "event_time", arrived.event.event_time, remedy, reason))
        taken.refuse(Outcome.INVALID.value, reason)


def _clock_shift(batch: Batch, sender: Sender, now: int) -> int:
    """Return what to add to a browser's times: its clock is off by what it says the sending time was.

    Events that were kept for a retry keep their distance to the sending time, whatever the browser's clock shows.
    """
    if not sender.browser or batch.sent_at_ms is None:
        return 0
    shift = now - batch.sent_at_ms
    return shift if abs(shift) > _CLOCK_TOLERANCE_MS else 0


def _keyed(key: str, record: Record) -> Keyed:
    return Keyed(key, encode(record))
