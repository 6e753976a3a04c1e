"""Import a workspace's sources: fetch, read, guard, merge, make live. What was live stays until the new is whole."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from rekindle.catalog import _guards, _tables
from rekindle.catalog.changes import ChangeSummary, compare
from rekindle.catalog.offers import build_index
from rekindle.catalog.reading import open_catalog
from rekindle.catalog.report import Refused, Report
from rekindle.catalog.row import Options
from rekindle.catalog.runs import RunLog, RunResult, Status
from rekindle.catalog.snapshots import SnapshotStore
from rekindle.catalog.staging import Progress, merge, stage
from rekindle.egress.fetch import Fetcher, FetchFailed, FetchRefused, FetchResult, shown
from rekindle.engines.blobs import Blobs
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.model.ports import Snapshot
from rekindle.workspace import Source, Workspace, duration_ms

_log = structlog.get_logger()

READER = 1
"""Raised whenever a source reads the same file differently, so that unchanged files are read again."""


class CatalogImport:
    """The imports of one workspace. ``base`` is the folder that relative locations start from."""

    def __init__(
        self,
        workspace: Workspace,
        database: Database,
        blobs: Blobs,
        fetch: Fetcher,
        clock: Clock,
        *,
        base: Path = Path(),
        work: Path | None = None,
    ) -> None:
        self._workspace, self._database, self._blobs, self._fetch = workspace, database, blobs, fetch
        self._clock, self._base, self._work = clock, base, work
        self._snapshots = SnapshotStore(database, blobs)
        self._runs = RunLog(database)

    async def step(self) -> int:
        """Import every source whose time has come; return how many were tried."""
        known = await self._database.query(self._states)
        now = self._clock()
        due = [
            source
            for source in self._workspace.catalog.source
            if source.name not in known or now - known[source.name].tried_ms >= duration_ms(source.every)
        ]
        for source in due:
            await self.run(source)
        return len(due)

    async def run(self, source: Source, *, confirm_shrink: bool = False, progress: Progress | None = None) -> RunResult:
        """Import one source now and write the run down. Never raises for bad input: the result says what is wrong."""
        started = self._clock()
        place = _place(source.location)
        fetched: FetchResult | None = None
        state = (await self._database.query(self._states)).get(source.name)
        path = self._base / source.location
        try:
            if is_address(source.location):
                same = state is not None and state.digest and state.fingerprint == self._fingerprint(source)
                known = state if same else None
                fetched = await self._fetch.get(
                    source.location,
                    etag=known.etag if known else None,
                    last_modified=known.last_modified if known else None,
                )
                if fetched.path is not None:
                    path = fetched.path
            if fetched is not None and fetched.path is None:
                result = self._result(source, "unchanged", started, items=state.items if state else 0)
            else:
                result = await asyncio.to_thread(
                    self._import, source, path, state, fetched, started, confirm_shrink, progress
                )
        except FetchRefused as error:
            result = self._result(source, "refused", started, reason="address", message=str(error))
        except FetchFailed as error:
            result = self._result(source, "failed", started, reason="fetch", message=str(error))
        except Refused as error:
            result = self._refused(source, place, started, error)
        except OSError as error:
            message = f"{place}: {error.strerror or type(error).__name__}"
            result = self._result(source, "failed", started, reason="file", message=message)
        except duckdb.Error as error:
            message = f"{place}: the import ran out of room or met a fault ({type(error).__name__}); see the log"
            result = self._result(source, "failed", started, reason="engine", message=message)
        except Exception as error:  # noqa: BLE001 - a source of another distribution may raise anything; the others go on
            _log.exception("catalog.source_fault", workspace=self._workspace.name, source=source.name)
            message = f"{place}: the source {source.kind} broke ({type(error).__name__}); this is a fault of the source"
            result = self._result(source, "failed", started, reason="fault", message=message)
        finally:
            if fetched is not None and fetched.path is not None:
                fetched.path.unlink(missing_ok=True)
        await asyncio.to_thread(self._finish, source, result)
        return result

    def _import(
        self,
        source: Source,
        path: Path,
        state: Any,
        fetched: FetchResult | None,
        started: int,
        confirmed: bool,
        progress: Progress | None,
    ) -> RunResult:
        content = _digest(path) if path.is_file() else ""
        fingerprint = self._fingerprint(source)
        marks = {
            "etag": fetched.etag if fetched else None,
            "last_modified": fetched.last_modified if fetched else None,
            "content": content,
            "fingerprint": fingerprint,
        }
        if state is not None and state.digest and (state.content, state.fingerprint) == (content, fingerprint):
            self._database_write(lambda connection: self._save(connection, source.name, marks))
            return self._result(source, "unchanged", started, items=state.items)
        report = Report()
        options, place = self._options(source), _place(source.location)
        with tempfile.TemporaryDirectory(prefix="rekindle-import-", dir=self._work) as name:
            folder = Path(name)
            try:
                with open_catalog(path, source.kind, options, report, folder=folder, name=place) as opened:
                    kind = opened.kind
                    part = stage(opened.items(), source.name, folder, report, progress)
            except Refused as error:
                report.take(error.issue)
                return self._refused(source, place, started, error, report)
            items = _guards.count_items(part)
            previous = int(state.items) if state is not None and state.digest else 0
            old = self._blobs.path(state.digest) if state is not None and state.digest else None
            held = _guards.verdict(
                part, items, old, previous, report, max_shrink=_max_shrink(source), confirmed=confirmed
            )
            found: dict[str, Any] = {"kind": kind, "items": items, "previous_items": previous, "report": report}
            if held:
                return self._result(source, "held", started, reason=held[0], message=held[1], **found)
            digest, changes = self._go_live(source, part, items, marks, folder)
        return self._result(source, "live", started, digest=digest, changes=changes, **found)

    def _go_live(
        self, source: Source, part: Path, items: int, marks: dict[str, Any], folder: Path
    ) -> tuple[str, ChangeSummary]:
        part_digest = self._blobs.put(part)
        with self._database.read() as connection:
            digests = {name: row.digest for name, row in self._states(connection).items() if row.digest}
        digests[source.name] = part_digest
        supplements = {s.name for s in self._workspace.catalog.source if s.options.get("supplement") is True}
        order = [s.name for s in self._workspace.catalog.source] or sorted(digests)
        order += [source.name] if source.name not in order else []
        parts = [(self._blobs.path(digests[name]), name in supplements) for name in order if name in digests]
        if all(supplement for _, supplement in parts):
            parts = [(path, False) for path, _ in parts]
        merged = merge(parts, folder)
        digest = part_digest if len(parts) == 1 else self._blobs.put(merged)
        offers = self._blobs.put(build_index(merged, folder))
        current = self._snapshots.current(self._workspace.name)
        changes, _ = compare(current.path if current else None, merged, 0)
        now = self._clock()
        snapshot = Snapshot(self._workspace.name, digest, self._blobs.path(digest), _guards.count_items(merged), now)

        def write(connection: Connection) -> None:
            self._save(connection, source.name, {**marks, "digest": part_digest, "items": items, "read_ms": now})
            if current is None or current.digest != digest:
                self._snapshots.add(connection, snapshot, offers, changes)

        self._database_write(write)
        self._snapshots.trim(self._workspace.name)
        return digest, changes

    def _finish(self, source: Source, result: RunResult) -> None:
        self._database_write(lambda connection: self._save(connection, source.name, {"tried_ms": result.started_ms}))
        self._runs.add(self._workspace.name, result)

    def _states(self, connection: Connection) -> dict[str, Any]:
        table = _tables.sources
        rows = connection.execute(sa.select(table).where(table.c.workspace == self._workspace.name)).all()
        return {row.source: row for row in rows}

    def _save(self, connection: Connection, source: str, values: dict[str, Any]) -> None:
        key = {"workspace": self._workspace.name, "source": source}
        first = {"tried_ms": self._clock(), "items": 0}
        insert = upsert(_tables.sources, self._database.dialect).values(first | key | values)
        connection.execute(insert.on_conflict_do_update(index_elements=["workspace", "source"], set_=values))

    def _database_write(self, work: Any) -> None:
        with self._database.begin() as connection:
            work(connection)

    def _options(self, source: Source) -> Options:
        return Options(
            currency=source.currency or self._workspace.shop.currency,
            link_base=source.link_base,
            columns=source.columns,
            extra=source.options,
        )

    def _fingerprint(self, source: Source) -> str:
        settings = (READER, source.location, source.kind, self._options(source))
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
            place=_place(source.location),
            started_ms=started,
            finished_ms=self._clock(),
            **found,
            **known,
        )


def is_address(location: str) -> bool:
    """Return whether a source's location is fetched, not opened."""
    return "://" in location


def _place(location: str) -> str:
    return shown(location) if is_address(location) else Path(location).name


def _max_shrink(source: Source) -> float:
    value = source.options.get("max_shrink", _guards.MAX_SHRINK)
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else _guards.MAX_SHRINK


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
