"""The view that keeps every audience exact: event by event, and by a timer for what time alone changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.audiences._settle import Guard, MayEnter, Suppressed, expel, grouped, load, settle, settle_due
from rekindle.audiences._state import VisitorState, pack, unpack
from rekindle.audiences._tables import changes, members, rules, timers, visitors
from rekindle.audiences.rules import Why, longest_ms
from rekindle.audiences.subjects import AudienceHolder
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log import Log
from rekindle.engines.log.view import Noted, View, reached
from rekindle.model.behaviour import item_acts
from rekindle.model.clock import Clock
from rekindle.model.event import Consent
from rekindle.model.names import PLAIN, Names
from rekindle.model.record import ConsentChange, Record, Stored, Tally
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT, may_personalise
from rekindle.workspace import Audience, Workspace

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_PAGE = 500
_CONSUMER = "audiences"


class _Mark(msgspec.Struct, frozen=True):
    """A moment, and where each partition of the log ended then: timers due by it may ring once that much is applied."""

    now_ms: int
    ends: Mapping[int, int]


class AudienceView:
    """Follows the log as consumer ``audiences``.

    ``workspaces`` returns what is live; a rule or policy that changed is applied to everybody at the next step.
    ``may_enter`` (by default the policy's ``personalise_with``) and ``suppressed`` stand before every rule.
    ``keep_ms`` is the least time for which visitors and changes are kept; longer windows lengthen it.
    """

    def __init__(
        self,
        log: Log,
        database: Database,
        clock: Clock,
        workspaces: Callable[[], Mapping[str, Workspace]],
        *,
        may_enter: MayEnter | None = None,
        suppressed: Suppressed = lambda _workspace, _subjects: (),
        names: Names = PLAIN,
        vendors: Vendors = EXCERPT,
        keep_ms: int = 90 * _DAY_MS,
    ) -> None:
        self._log = log
        self._database = database
        self._names = names
        self._vendors = vendors
        self._clock = clock
        self._workspaces = workspaces
        self._guard = Guard(may_enter or self._may_be_personal, suppressed)
        self._keep_ms = keep_ms
        self._view = View(log, database, _CONSUMER, [self], names=names, rename=self._rename)
        self._live: Mapping[str, Workspace] = {}
        self._known: dict[tuple[str, str], str] | None = None
        self._trimmed_ms = 0
        self._mark: _Mark | None = None

    async def step(self, limit: int = 1000, wait_ms: int = 0) -> int:
        """Apply what is there, then what is due; return how many entries and timers were worked off.

        Timers wait until what was in the log at their time is applied, by this worker or another: an event that is
        still unread may be the one that ends the membership a timer would begin.
        """
        self._live = self._workspaces()
        await self._sync_rules()
        now_ms = self._clock()
        if now_ms - self._trimmed_ms >= _HOUR_MS:
            self._trimmed_ms = now_ms
            await self._database.run(lambda connection: self._trim(connection, now_ms))
        done = await self._view.step(limit, wait_ms)
        return done + await self._ring()

    async def rebuild(self) -> None:
        """Forget every state and membership, and read the log again; the log of changes stays and goes on."""
        await self._view.rebuild()

    async def erase(self, workspace: str, subject: str) -> None:
        """Drop everything kept of one visitor; memberships end at once. The exits stay, so that platforms learn."""
        now_ms = self._clock()

        def work(connection: Connection) -> None:
            load(connection, workspace, [subject])
            expel(connection, workspace, members.c.subject == subject, now_ms, Why.ERASED)
            for table in (visitors, timers):
                connection.execute(table.delete().where(table.c.workspace == workspace, table.c.subject == subject))

        await self._database.run(work)

    async def close(self) -> None:
        """Give up the cursor."""
        await self._view.close()

    # the part of the view

    def prepare(self, records: Sequence[Record]) -> None:
        """Need nothing from elsewhere."""

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        """Fold the batch into the visitors' states and settle everybody it speaks of."""
        told = [
            record
            for record, duplicate in batch
            # A repeated event is skipped whole: its consent may be older than a withdrawal in between.
            if not duplicate and not isinstance(record, Tally) and not (isinstance(record, Stored) and record.bot)
        ]
        now_ms = self._clock()
        for workspace, subjects in grouped((record.workspace, record.subject) for record in told).items():
            states = load(connection, workspace, subjects)
            for record in told:
                if record.workspace != workspace:
                    continue
                state = states.get(record.subject)
                if state is None:
                    if isinstance(record, ConsentChange) or not item_acts(record):
                        continue  # nothing is known that a rule could use
                    state = states[record.subject] = VisitorState()
                state.fold(record)
            _save(connection, workspace, states, now_ms)
            settle(connection, workspace, self._rules(workspace), states, self._guard, now_ms)

    def _rename(self, connection: Connection, workspace: str, renamed: Mapping[str, str]) -> None:
        AudienceHolder().rename(connection, workspace, renamed, self._names, self._clock())

    def clear(self, connection: Connection) -> None:
        """Empty states, memberships and timers."""
        for table in (visitors, members, timers):
            connection.execute(table.delete())

    # rules that changed

    async def _sync_rules(self) -> None:
        if self._known is None:
            self._known = await self._database.query(_read_rules)
        wanted = {
            (name, audience): _definition(workspace, audience)
            for name, workspace in self._live.items()
            for audience in workspace.audiences
        }
        if wanted == self._known:
            return
        gone = sorted(set(self._known) - set(wanted))
        now_ms = self._clock()
        await self._database.run(lambda connection: _drop_rules(connection, gone, now_ms))
        changed = {key for key in wanted if self._known.get(key) != wanted[key]}
        for workspace in sorted({name for name, _ in changed}):
            await self._settle_all(workspace, {audience for name, audience in changed if name == workspace})
        await self._database.run(lambda connection: _write_rules(connection, {key: wanted[key] for key in changed}))
        self._known = wanted

    async def _settle_all(self, workspace: str, audiences: set[str]) -> None:
        chosen = {name: rule for name, rule in self._rules(workspace).items() if name in audiences}
        after: str | None = ""
        while after is not None:
            start, now_ms = after, self._clock()

            def page(connection: Connection, start: str = start, now_ms: int = now_ms) -> str | None:
                query = (
                    sa.select(visitors.c.subject, visitors.c.state)
                    .where(visitors.c.workspace == workspace, visitors.c.subject > start)
                    .order_by(visitors.c.subject)
                    .limit(_PAGE)
                    .with_for_update()
                )
                states: dict[str, VisitorState] = {row.subject: unpack(row.state) for row in connection.execute(query)}
                if not states:
                    return None
                settle(connection, workspace, chosen, states, self._guard, now_ms, Why.RULE_CHANGED)
                return max(states)

            after = await self._database.run(page)

    # timers

    async def _ring(self) -> int:
        if self._mark is None:
            now_ms = self._clock()
            if not await self._database.query(lambda connection: _any_due(connection, now_ms)):
                return 0
            self._mark = _Mark(now_ms, await self._log.ends())
        mark = self._mark
        applied = await self._database.query(lambda connection: reached(connection, _CONSUMER))
        for partition, end in mark.ends.items():
            at = applied.get(partition, -1)
            # What was trimmed is never read, so the place alone does not tell whether something waits there.
            if at < end and await self._log.tail((partition, at), 1):
                return 0
        self._mark = None
        done = 0
        while worked := await self._database.run(lambda connection: self._ring_page(connection, mark.now_ms)):
            done += worked
        return done

    def _ring_page(self, connection: Connection, now_ms: int) -> int:
        """Work off some timers. Transactions come one after the other, so another worker finds these gone."""
        query = (
            sa.select(timers.c.workspace, timers.c.subject)
            .where(timers.c.due_ms <= now_ms)
            .order_by(timers.c.due_ms)
            .limit(_PAGE)
        )
        due = connection.execute(query).all()
        for workspace, subjects in grouped((row.workspace, row.subject) for row in due).items():
            states = load(connection, workspace, subjects)
            orphans = subjects - set(states)
            if orphans:
                connection.execute(
                    timers.delete().where(timers.c.workspace == workspace, timers.c.subject.in_(sorted(orphans)))
                )
            settle_due(connection, workspace, self._rules(workspace), states, self._guard, now_ms)
        return len(due)

    def _may_be_personal(self, workspace: str, consent: Consent, now_ms: int) -> bool:
        live = self._live.get(workspace)
        return live is not None and may_personalise(consent, live.policy, now_ms, self._vendors)[0]

    def _rules(self, workspace: str) -> Mapping[str, Audience]:
        live = self._live.get(workspace)
        return live.audiences if live is not None else {}

    def _trim(self, connection: Connection, now_ms: int) -> None:
        windows = [longest_ms(rule) for workspace in self._live.values() for rule in workspace.audiences.values()]
        before_ms = now_ms - max([self._keep_ms, *windows]) - _DAY_MS
        connection.execute(visitors.delete().where(visitors.c.touched_ms < before_ms))
        connection.execute(changes.delete().where(changes.c.at_ms < before_ms))


def _any_due(connection: Connection, now_ms: int) -> bool:
    return connection.execute(sa.select(timers.c.due_ms).where(timers.c.due_ms <= now_ms).limit(1)).first() is not None


def _save(connection: Connection, workspace: str, states: Mapping[str, VisitorState], now_ms: int) -> None:
    if not states:
        return
    statement = upsert(visitors, connection.dialect.name)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(visitors.primary_key),
            set_={"state": statement.excluded.state, "touched_ms": statement.excluded.touched_ms},
        ),
        [
            {"workspace": workspace, "subject": subject, "state": pack(state), "touched_ms": now_ms}
            for subject, state in sorted(states.items())
        ],
    )


def _definition(workspace: Workspace, audience: str) -> str:
    # The policy is part of it, because it says what consent an audience needs.
    return msgspec.json.encode([workspace.audiences[audience], workspace.policy], order="sorted").decode()


def _read_rules(connection: Connection) -> dict[tuple[str, str], str]:
    return {(row.workspace, row.audience): row.definition for row in connection.execute(sa.select(rules))}


def _write_rules(connection: Connection, definitions: Mapping[tuple[str, str], str]) -> None:
    if not definitions:
        return
    statement = upsert(rules, connection.dialect.name)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(rules.primary_key), set_={"definition": statement.excluded.definition}
        ),
        [
            {"workspace": workspace, "audience": audience, "definition": definition}
            for (workspace, audience), definition in sorted(definitions.items())
        ],
    )


def _drop_rules(connection: Connection, gone: Sequence[tuple[str, str]], now_ms: int) -> None:
    for workspace, audience in gone:
        expel(connection, workspace, members.c.audience == audience, now_ms, Why.RULE_REMOVED)
        for table in (timers, rules):
            connection.execute(table.delete().where(table.c.workspace == workspace, table.c.audience == audience))
