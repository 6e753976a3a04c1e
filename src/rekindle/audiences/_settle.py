"""Bring membership, timers and the log of changes in line with the visitors' states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.audiences._state import VisitorState, unpack
from rekindle.audiences._tables import changes, members, timers, visitors
from rekindle.audiences.rules import Verdict, Why, judge
from rekindle.engines.database.core import upsert
from rekindle.model.event import Consent
from rekindle.workspace import Audience

MayEnter = Callable[[str, Consent, int], bool]
"""Whether this consent lets a visitor be in the workspace's audiences, at that moment."""

Suppressed = Callable[[str, Collection[str]], Collection[str]]
"""Which of these subjects of the workspace have asked to be left alone."""


class Guard(msgspec.Struct, frozen=True):
    """What stands before every rule."""

    may_enter: MayEnter
    suppressed: Suppressed

    def bars(self, workspace: str, state: VisitorState, suppressed: bool, now_ms: int) -> Why | None:
        """Return why the visitor may be in no audience, or None when they may."""
        if not self.may_enter(workspace, state.consent, now_ms):
            return Why.NO_CONSENT
        return Why.SUPPRESSED if suppressed else None


class _Writes:
    """The rows of one batch, written together at its end."""

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.joined: dict[tuple[str, str], int] = {}
        self.left: list[tuple[str, str]] = []
        self.timed: dict[tuple[str, str], int] = {}
        self.untimed: list[tuple[str, str]] = []
        self.changed: list[dict[str, object]] = []

    def change(self, audience: str, subject: str, at_ms: int, *, entered: bool, reason: Why) -> None:
        self.changed.append(
            {
                "workspace": self.workspace,
                "audience": audience,
                "subject": subject,
                "at_ms": at_ms,
                "entered": entered,
                "reason": reason.value,
            }
        )

    def write(self, connection: Connection) -> None:
        dialect = connection.dialect.name
        for table, keys in ((members, self.left), (timers, self.untimed)):
            if keys:
                connection.execute(
                    table.delete().where(
                        table.c.workspace == self.workspace,
                        table.c.audience == sa.bindparam("a"),
                        table.c.subject == sa.bindparam("s"),
                    ),
                    [{"a": audience, "s": subject} for audience, subject in keys],
                )
        for table, column, rows in ((members, "since_ms", self.joined), (timers, "due_ms", self.timed)):
            if rows:
                statement = upsert(table, dialect)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=list(table.primary_key), set_={column: statement.excluded[column]}
                    ),
                    [
                        {"workspace": self.workspace, "audience": audience, "subject": subject, column: ms}
                        for (audience, subject), ms in sorted(rows.items())
                    ],
                )
        if self.changed:
            connection.execute(changes.insert(), self.changed)


def load(connection: Connection, workspace: str, subjects: Iterable[str]) -> dict[str, VisitorState]:
    """Read the states of those that have one, and hold their rows, so that no other worker settles them meanwhile."""
    rows = connection.execute(
        sa.select(visitors.c.subject, visitors.c.state)
        .where(visitors.c.workspace == workspace, visitors.c.subject.in_(sorted(subjects)))
        .order_by(visitors.c.subject)
        .with_for_update()
    )
    return {row.subject: unpack(row.state) for row in rows}


def settle(
    connection: Connection,
    workspace: str,
    rules: Mapping[str, Audience],
    states: Mapping[str, VisitorState],
    guard: Guard,
    now_ms: int,
    cause: Why | None = None,
) -> None:
    """Judge every visitor by every rule at ``now_ms``; ``cause`` replaces the reason of what changes."""
    was, due = _current(connection, workspace, states)
    writes = _Writes(workspace)
    judgements = {
        subject: {audience: judge(rule, state, now_ms) for audience, rule in rules.items()}
        for subject, state in sorted(states.items())
    }
    # Reading consent and the suppression list costs more than a rule; most visitors are, and become, no members.
    concerned = {
        subject
        for subject, verdicts in judgements.items()
        if any(verdict.member or (audience, subject) in was for audience, verdict in verdicts.items())
    }
    suppressed = guard.suppressed(workspace, concerned) if concerned else ()
    for subject, verdicts in judgements.items():
        barred = None
        if subject in concerned:
            barred = guard.bars(workspace, states[subject], subject in suppressed, now_ms)
        for audience, judged in verdicts.items():
            verdict = Verdict(False, barred) if barred else judged
            member = (audience, subject) in was
            if verdict.member != member:
                writes.change(
                    audience, subject, now_ms, entered=verdict.member, reason=barred or cause or verdict.reason
                )
                _move(writes, audience, subject, verdict.member, now_ms)
            _time(writes, audience, subject, due.get((audience, subject)), verdict.due_ms)
    writes.write(connection)


def settle_due(
    connection: Connection,
    workspace: str,
    rules: Mapping[str, Audience],
    states: Mapping[str, VisitorState],
    guard: Guard,
    now_ms: int,
) -> None:
    """Take each timer that is due at the moment it was due, one after the other, so that no change is left out."""
    was, due = _current(connection, workspace, states)
    writes = _Writes(workspace)
    suppressed = guard.suppressed(workspace, {subject for (_, subject), due_ms in due.items() if due_ms <= now_ms})
    for (audience, subject), due_ms in sorted(due.items(), key=lambda pair: (pair[1], pair[0])):
        if due_ms > now_ms:
            continue
        rule, state = rules.get(audience), states.get(subject)
        if rule is None or state is None:
            writes.untimed.append((audience, subject))
            continue
        member = (audience, subject) in was
        at_ms: int = due_ms
        while True:
            verdict = judge(rule, state, at_ms)
            if verdict.member and (barred := guard.bars(workspace, state, subject in suppressed, at_ms)):
                verdict = Verdict(False, barred)
            if verdict.member != member:
                member = verdict.member
                writes.change(audience, subject, at_ms, entered=member, reason=verdict.reason)
                _move(writes, audience, subject, member, at_ms)
            if verdict.due_ms is None or verdict.due_ms > now_ms:
                break
            if verdict.due_ms <= at_ms:
                raise RuntimeError(f"rule {rule.rule!r} asks to be judged again at a moment that is not later")
            at_ms = verdict.due_ms
        _time(writes, audience, subject, due_ms, verdict.due_ms)
    writes.write(connection)


def expel(connection: Connection, workspace: str, condition: sa.ColumnElement[bool], now_ms: int, reason: Why) -> int:
    """End every membership of the workspace that meets ``condition`` (on `members`); return how many."""
    where = sa.and_(members.c.workspace == workspace, condition)
    rows = connection.execute(sa.select(members.c.audience, members.c.subject).where(where)).all()
    writes = _Writes(workspace)
    for row in rows:
        writes.change(row.audience, row.subject, now_ms, entered=False, reason=reason)
        writes.left.append((row.audience, row.subject))
    writes.write(connection)
    return len(rows)


def _current(
    connection: Connection, workspace: str, states: Mapping[str, VisitorState]
) -> tuple[set[tuple[str, str]], dict[tuple[str, str], int]]:
    subjects = sorted(states)
    inside = connection.execute(
        sa.select(members.c.audience, members.c.subject).where(
            members.c.workspace == workspace, members.c.subject.in_(subjects)
        )
    )
    was = {(row.audience, row.subject) for row in inside}
    pending = connection.execute(
        sa.select(timers.c.audience, timers.c.subject, timers.c.due_ms).where(
            timers.c.workspace == workspace, timers.c.subject.in_(subjects)
        )
    )
    return was, {(row.audience, row.subject): row.due_ms for row in pending}


def _move(writes: _Writes, audience: str, subject: str, member: bool, at_ms: int) -> None:
    if member:
        writes.joined[audience, subject] = at_ms
    else:
        writes.joined.pop((audience, subject), None)
        writes.left.append((audience, subject))


def _time(writes: _Writes, audience: str, subject: str, before_ms: int | None, due_ms: int | None) -> None:
    if due_ms == before_ms:
        return
    if due_ms is None:
        writes.untimed.append((audience, subject))
    else:
        writes.timed[audience, subject] = due_ms


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return the subjects by workspace."""
    found: dict[str, set[str]] = defaultdict(set)
    for workspace, subject in pairs:
        found[workspace].add(subject)
    return found
