"""Read again what a webhook named, or what an account says has changed, and bring it into the live catalogue at once.

Nothing here removes an item (`rekindle.catalog.partial`), so whatever is missed or wrong, the next whole import mends.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.engine import Connection

from rekindle.catalog.account import Scope
from rekindle.catalog.accounts import Accounts, module_of
from rekindle.catalog.hints import EVERYTHING, Hint, HintStore
from rekindle.catalog.images import settle
from rekindle.catalog.live import Live, Overtaken, Part, key_of
from rekindle.catalog.origin import options_of, place_of
from rekindle.catalog.partial import origins_of, rows_over
from rekindle.catalog.reading import open_catalog
from rekindle.catalog.report import Refused, Report
from rekindle.catalog.runs import RunLog, RunResult
from rekindle.catalog.staging import stage
from rekindle.catalog.walker import Place, WalkStopped
from rekindle.egress.connector import SettingsError
from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import Clock
from rekindle.workspace import Source, Workspace, duration_ms

_log = structlog.get_logger()

EVERY: Final = "10m"
"""How often an account that can say what changed is asked, unless ``changes_every`` says otherwise."""

_OVERLAP_MS: Final = 120_000
_RETRY_MS: Final = 60_000
_TRIES: Final = 3


class CatalogRefresh:
    """The changes of one workspace's accounts."""

    def __init__(
        self, workspace: Workspace, database: Database, blobs: Blobs, clock: Clock, accounts: Accounts, *,
        work: Path | None = None,
    ) -> None:  # fmt: skip
        self._workspace, self._database, self._blobs = workspace, database, blobs
        self._clock, self._accounts, self._work = clock, accounts, work
        self._live = Live(workspace, database, blobs, clock)
        self._hints, self._runs = HintStore(database), RunLog(database)

    async def step(self) -> int:
        """Read again what is due of each source; return how many reads were tried."""
        now = self._clock()
        states, hints = await self._database.query(
            lambda c: (self._live.states(c), self._hints.due(c, self._workspace.name, now))
        )
        done = 0
        for source in self._workspace.catalog.source:
            state = states.get(source.name)
            if module_of(source.kind) is None or state is None or not state.digest:
                continue  # before the first whole import there is nothing to change
            mine = [hint for hint in hints.get(source.name, ()) if hint.key != EVERYTHING]
            if mine:
                done += await self.read_again(source, mine)
            if self._asks(source, state, now):
                done += await self._since(source, state.changes_ms - _OVERLAP_MS, now)
        return done

    def _asks(self, source: Source, state: Any, now_ms: int) -> bool:
        module = module_of(source.kind)
        if module is None or not module.manifest.since or state.changes_ms is None:
            return False
        every = source.options.get("changes_every", EVERY)
        if every == "never":
            return False
        wait = duration_ms(str(every))
        return now_ms - state.changes_ms >= wait and now_ms - (state.asked_ms or 0) >= min(wait, _RETRY_MS)

    async def read_again(self, source: Source, hints: Sequence[Hint]) -> int:
        """Read again what the hints name, and say that they are done, or when to try again."""
        failure = await self._try(source, Scope(keys=tuple(hint.key for hint in hints)), {}, hints)
        if failure:
            now = self._clock()
            await self._database.run(lambda c: self._hints.failed(c, self._workspace.name, source.name, hints, now))
        return 1

    async def _since(self, source: Source, since_ms: int, now_ms: int) -> int:
        # When it fails, the question stays open: it is asked again from the same moment.
        await self._database.run(lambda c: self._live.save(c, source.name, {"asked_ms": now_ms}))
        await self._try(source, Scope(since_ms=since_ms), {"changes_ms": now_ms}, ())
        return 1

    async def _try(self, source: Source, scope: Scope, marks: dict[str, Any], hints: Sequence[Hint]) -> str:
        """Return why it failed, or nothing."""
        if scope.keys:
            scope = await asyncio.to_thread(self._known, source, scope)
        started = self._clock()
        try:
            with tempfile.TemporaryDirectory(prefix="rekindle-refresh-", dir=self._work) as name:
                file = Path(name) / "walk.jsonl"
                place = await self._accounts.read_some(source, scope, file)
                await asyncio.to_thread(self._take, source, scope, place, file, started, marks, hints)
        except WalkStopped as stopped:
            words = stopped.words
        except (SettingsError, SecretMissing, Refused, Overtaken) as error:
            words = str(error) or type(error).__name__
        else:
            return ""
        _log.warning("catalog.refresh_failed", workspace=self._workspace.name, source=source.name, reason=words)
        return words

    def _known(self, source: Source, scope: Scope) -> Scope:
        """Return the scope with what an item is read again by, where a key is an item's id."""
        with self._database.read() as connection:
            state = self._live.states(connection)[source.name]
        origins = origins_of(self._live.files(state), scope.keys)
        return Scope(keys=tuple(dict.fromkeys(origins.get(key, key) for key in scope.keys)))

    def _take(
        self, source: Source, scope: Scope, place: Place, file: Path, started: int, marks: dict[str, Any],
        hints: Sequence[Hint],
    ) -> None:  # fmt: skip
        """Put what was read into the source's part and make it live. Raises `Overtaken` after some tries."""
        report = Report()
        origins = {*scope.keys, *place.origins}
        for number in range(_TRIES):
            folder = file.parent / f"take-{number}"
            folder.mkdir()
            with self._database.read() as connection:
                state = self._live.states(connection)[source.name]
            old = self._live.files(state)
            fresh = self._fresh(source, file, place, report, folder)
            if fresh is None and not origins:
                with self._database.begin() as connection:
                    self._mark(connection, source, marks, hints)
                return
            fresh = fresh or stage([], source.name, folder, report)
            fresh = settle(fresh, old, source.options.get("volatile_images"), folder)
            rows, seen = rows_over(old, fresh, origins, folder)
            # The whole file that was imported last is not what is live any more, so it must not count as "unchanged".
            part = Part(rows, 0, {**marks, "content": None}, key_of(state), seen)
            try:
                published = self._live.publish(source.name, part, folder, lambda c: self._mark(c, source, marks, hints))
            except Overtaken:
                continue
            changes = published.changes
            if changes.added or changes.changed or changes.removed:
                result = RunResult(
                    source=source.name, status="live", place=place_of(source), started_ms=started, kind=source.kind,
                    finished_ms=self._clock(), items=published.items, previous_items=int(state.items), digest=published.digest,
                    changes=changes, codes=report.codes(), errors=report.count("error"),
                    warnings=report.count("warning"), issues=report.issues, partial=True,
                )  # fmt: skip
                self._runs.add(self._workspace.name, result)
            return
        raise Overtaken

    def _fresh(self, source: Source, file: Path, place: Place, report: Report, folder: Path) -> Path | None:
        if place.records == 0:
            return None
        options = options_of(source, self._workspace)
        with open_catalog(file, source.kind, options, report, folder=folder, name=place_of(source)) as opened:
            return stage(opened.items(), source.name, folder, report)

    def _mark(self, connection: Connection, source: Source, marks: dict[str, Any], hints: Sequence[Hint]) -> None:
        if marks:
            self._live.save(connection, source.name, marks)
        self._hints.done(connection, self._workspace.name, source.name, hints)
