"""Import a workspace's sources: fetch or walk, read, guard, make live. What was live stays until the new is whole."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from rekindle.catalog import _guards
from rekindle.catalog.accounts import Accounts, module_of
from rekindle.catalog.bulk import stage_opened
from rekindle.catalog.hints import EVERYTHING, HintStore
from rekindle.catalog.images import settle
from rekindle.catalog.inputs import Inputs, manifest_of
from rekindle.catalog.live import Live, Overtaken, Part
from rekindle.catalog.origin import is_address, max_shrink, options_of, place_of
from rekindle.catalog.reading import open_catalog
from rekindle.catalog.report import Refused, Report
from rekindle.catalog.runs import RunLog, RunResult, Status
from rekindle.catalog.staging import Progress
from rekindle.catalog.walker import WalkStopped
from rekindle.egress.fetch import Fetcher, FetchResult
from rekindle.egress.reach import TransferFailed, TransferRefused
from rekindle.engines.blobs import Blobs, BlobsUnavailable
from rekindle.engines.database import Database
from rekindle.engines.database.lease import LeaseLost
from rekindle.model.clock import Clock
from rekindle.workspace import Source, Workspace, duration_ms

_log = structlog.get_logger()

READER = 3
"""Raised whenever a source reads the same file differently, so that unchanged files are read again."""

_SLICE_MS: Final = 20_000


class _Input(msgspec.Struct, frozen=True):
    """What an import reads: a file, since when it was being got, and what to know it again by."""

    path: Path
    since_ms: int
    fetched: FetchResult | None = None


class CatalogImport:
    """The imports of one workspace. ``base`` is the folder that relative locations start from."""

    def __init__(
        self, workspace: Workspace, database: Database, blobs: Blobs, fetch: Fetcher, clock: Clock, *,
        base: Path = Path(), work: Path | None = None, accounts: Accounts | None = None, inputs: Inputs | None = None,
    ) -> None:  # fmt: skip
        self._workspace, self._database, self._blobs, self._fetch = workspace, database, blobs, fetch
        self._clock, self._base, self._work, self._accounts = clock, base, work, accounts
        self._inputs = inputs
        self._live = Live(workspace, database, blobs, clock)
        self._hints = HintStore(database)
        self._runs = RunLog(database)

    async def step(self) -> int:
        """Import every source whose time has come; return how many were tried.

        A walk through an account goes on for some seconds, and then at the next step.
        """
        states, walking, hinted = await self._database.query(self._look)
        now = self._clock()

        def is_due(source: Source) -> bool:
            if source.name in walking:
                return walking[source.name] <= now
            known = states.get(source.name)
            return known is None or source.name in hinted or now - known.tried_ms >= duration_ms(source.every)

        due = [source for source in self._workspace.catalog.source if is_due(source)]
        for source in due:
            await self.run(source, until_ms=now + _SLICE_MS)
        return len(due)

    def _look(self, connection: Connection) -> tuple[dict[str, Any], dict[str, int], set[str]]:
        walking = self._accounts.waiting(connection, self._workspace.name) if self._accounts else {}
        due = self._hints.due(connection, self._workspace.name, self._clock())
        hinted = {source for source, hints in due.items() if any(hint.key == EVERYTHING for hint in hints)}
        return self._live.states(connection), walking, hinted

    async def run(
        self,
        source: Source,
        *,
        confirm_shrink: bool = False,
        progress: Progress | None = None,
        until_ms: int | None = None,
    ) -> RunResult:
        """Import one source now and write the run down. Never raises for bad input: the result says what is wrong.

        With ``until_ms`` a walk that is not at its end by then is left, and the result's status is ``walking``.
        """
        started = self._clock()
        place = place_of(source)
        given: _Input | None = None
        try:
            given = await self._input(source, started, until_ms, progress)
            if given is None:
                return self._result(source, "walking", started)
            if given.fetched is not None and given.fetched.path is None:
                state = (await self._database.query(self._live.states)).get(source.name)
                await self._database.run(lambda c: self._unchanged(c, source, {}, started))
                result = self._result(source, "unchanged", started, items=state.items if state else 0)
            else:
                result = await asyncio.to_thread(self._import, source, given, started, confirm_shrink, progress)
        except TransferRefused as error:
            result = self._result(source, "refused", started, reason="address", message=str(error))
        except TransferFailed as error:
            result = self._result(source, "failed", started, reason="fetch", message=str(error))
        except WalkStopped as stopped:
            status: Status = "refused" if stopped.reason in ("settings", "denied") else "failed"
            result = self._result(source, status, started, reason=stopped.reason, message=f"{place}: {stopped.words}")
        except Refused as error:
            result = self._refused(source, place, started, error)
        except OSError as error:
            message = f"{place}: {error.strerror or type(error).__name__}"
            result = self._result(source, "failed", started, reason="file", message=message)
        except Overtaken:
            message = f"{place}: other imports went live again and again meanwhile; it is tried again"
            result = self._result(source, "failed", started, reason="overtaken", message=message)
        except duckdb.Error as error:
            message = f"{place}: the import ran out of room or met a fault ({type(error).__name__}); see the log"
            result = self._result(source, "failed", started, reason="engine", message=message)
        except BlobsUnavailable as error:
            result = self._result(source, "failed", started, reason="blobs", message=str(error))
        except (LeaseLost, sa.exc.DBAPIError):
            raise  # no fault of the source, and nothing can be written down now
        except Exception as error:  # noqa: BLE001 - a source of another distribution may raise anything; the others go on
            _log.exception("catalog.source_fault", workspace=self._workspace.name, source=source.name)
            message = f"{place}: the source {source.kind} broke ({type(error).__name__}); this is a fault of the source"
            result = self._result(source, "failed", started, reason="fault", message=message)
        finally:
            if given is not None and given.fetched is not None and given.fetched.path is not None:
                given.fetched.path.unlink(missing_ok=True)
        if given is not None and self._accounts is not None and module_of(source.kind) is not None:
            await self._accounts.forget(self._workspace.name, source.name)
        await asyncio.to_thread(self._finish, source, result)
        return result

    async def _input(
        self, source: Source, started: int, until_ms: int | None, progress: Progress | None
    ) -> _Input | None:
        """Return what to read, or None while it is still being got."""
        if module_of(source.kind) is not None:
            if self._accounts is None:
                raise WalkStopped("settings", "accounts cannot be read here", next_ms=started, lost=True)
            walked, file = await self._accounts.walk(
                self._workspace.name, source, self._fingerprint(source), until_ms, progress
            )
            return _Input(file, walked.started_ms) if walked.cursor is None else None
        if not source.location:
            raise WalkStopped("settings", 'write location = "…" (a file or an address)', next_ms=started, lost=True)
        if not is_address(source.location) and manifest_of(source) is None:
            return _Input(self._base / source.location, started)
        state = (await self._database.query(self._live.states)).get(source.name)
        same = state is not None and state.digest and state.fingerprint == self._fingerprint(source)
        known = state if same else None
        if self._inputs is not None and manifest_of(source) is not None:
            fetched = await self._inputs.get(source, self._base, known.etag if known else None)
            return _Input(fetched.path or Path(), started, fetched)
        fetched = await self._fetch.get(
            source.location,
            etag=known.etag if known else None,
            last_modified=known.last_modified if known else None,
        )
        return _Input(fetched.path or Path(), started, fetched)

    def _import(
        self, source: Source, given: _Input, started: int, confirmed: bool, progress: Progress | None
    ) -> RunResult:
        content = _digest(given.path) if given.path.is_file() else ""
        fingerprint = self._fingerprint(source)
        marks: dict[str, Any] = {
            "etag": given.fetched.etag if given.fetched else None,
            "last_modified": given.fetched.last_modified if given.fetched else None,
            "content": content,
            "fingerprint": fingerprint,
        }
        with self._database.read() as connection:
            state = self._live.states(connection).get(source.name)
        if state is not None and state.digest and (state.content, state.fingerprint) == (content, fingerprint):
            with self._database.begin() as connection:
                self._unchanged(connection, source, marks, given.since_ms)
            return self._result(source, "unchanged", started, items=state.items)
        report = Report()
        options, place = options_of(source, self._workspace), place_of(source)
        with tempfile.TemporaryDirectory(prefix="rekindle-import-", dir=self._work) as name:
            folder = Path(name)
            old = self._live.files(state) if state is not None and state.digest else None
            try:
                with open_catalog(given.path, source.kind, options, report, folder=folder, name=place) as opened:
                    kind = opened.kind
                    part = stage_opened(opened, source.name, folder, report, progress)
                part = settle(part, old, source.options.get("volatile_images"), folder)
            except Refused as error:
                report.take(error.issue)
                return self._refused(source, place, started, error, report)
            items = _guards.count_items(part)
            if source.options.get("supplement") is not True:
                _guards.missing(part, items, report)
            previous = int(state.items) if state is not None and state.digest else 0
            held = _guards.verdict(
                part, items, old, previous, report, max_shrink=max_shrink(source), confirmed=confirmed
            )
            found: dict[str, Any] = {"kind": kind, "items": items, "previous_items": previous, "report": report}
            if held:
                return self._result(source, "held", started, reason=held[0], message=held[1], **found)
            marks |= {"read_ms": given.since_ms, "changes_ms": given.since_ms}
            published = self._live.publish(
                source.name, Part(part, items, marks), folder, lambda c: self._over(c, source, given.since_ms)
            )
        return self._result(source, "live", started, digest=published.digest, changes=published.changes, **found)

    def _unchanged(self, connection: Connection, source: Source, marks: dict[str, Any], since_ms: int) -> None:
        self._live.save(connection, source.name, {**marks, "read_ms": since_ms, "changes_ms": since_ms})
        self._over(connection, source, since_ms)

    def _over(self, connection: Connection, source: Source, since_ms: int) -> None:
        self._hints.imported(connection, self._workspace.name, source.name, since_ms, self._clock())

    def _finish(self, source: Source, result: RunResult) -> None:
        with self._database.begin() as connection:
            self._live.save(connection, source.name, {"tried_ms": result.started_ms})
            if not result.ok:  # what asked for it is not asked again before its time
                self._hints.drop(connection, self._workspace.name, source.name, EVERYTHING, result.started_ms)
        self._runs.add(self._workspace.name, result)

    def _fingerprint(self, source: Source) -> str:
        settings = (READER, source.location, source.kind, options_of(source, self._workspace))
        return hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()

    def _refused(
        self, source: Source, place: str, started: int, error: Refused, report: Report | None = None
    ) -> RunResult:
        if report is None:
            report = Report()
            report.take(error.issue)
        message = f"{place}: {error.issue.remedy}"
        return self._result(source, "refused", started, reason=error.issue.code, message=message, report=report)

    def _result(
        self, source: Source, status: Status, started: int, *, report: Report | None = None, **known: Any
    ) -> RunResult:
        found: dict[str, Any] = {}
        if report is not None:
            found = {
                "codes": report.codes(),
                "errors": report.count("error"),
                "warnings": report.count("warning"),
                "issues": report.issues,
            }
        return RunResult(
            source=source.name,
            status=status,
            place=place_of(source),
            started_ms=started,
            finished_ms=self._clock(),
            **found,
            **known,
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
