"""The newest reports as they are kept, for pages, metrics and alarms: reading them costs a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.feeds.quality._tables import feed_quality, feed_quality_days
from rekindle.feeds.quality.drift import DriftReport
from rekindle.feeds.quality.freshness import FreshnessReport
from rekindle.feeds.quality.ids import IdReport

DAY_MS: Final = 86_400_000
KEEP_DAYS: Final = 400

Kind = Literal["ids", "drift", "freshness"]
_TYPES: Final[Mapping[Kind, type[msgspec.Struct]]] = {
    "ids": IdReport, "drift": DriftReport, "freshness": FreshnessReport,
}  # fmt: skip

R = TypeVar("R", IdReport, DriftReport, FreshnessReport)


class Day(msgspec.Struct, frozen=True):
    """A feed at the end of a day (UTC) that began at ``day_ms``: issues of its newest version, and what pages showed."""

    day_ms: int
    items: int
    block: int
    limit: int
    warning: int
    events: int
    matched: int
    compared: int
    drifted: int
    late: int
    oldest_ms: int


class Reports(msgspec.Struct, frozen=True):
    """The newest reports of one feed; None where none was made yet. ``at_ms`` says when the oldest of them was made."""

    ids: IdReport | None = None
    drift: DriftReport | None = None
    freshness: FreshnessReport | None = None
    at_ms: int | None = None
    version: int | None = None


def keep(connection: Connection, workspace: str, kind: Kind, report: R, now_ms: int) -> None:
    """Put a report in the place of the one before."""
    row = {
        "workspace": workspace, "feed": report.feed, "kind": kind, "version": report.version, "at_ms": now_ms,
        "report": msgspec.json.encode(report),
    }  # fmt: skip
    statement = upsert(feed_quality, connection.dialect.name).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(feed_quality.primary_key),
            set_={name: statement.excluded[name] for name in ("version", "at_ms", "report")},
        )
    )


def keep_day(connection: Connection, workspace: str, feed: str, day: Day) -> None:
    """Write a day's line; a later one of the same day replaces it. Days that are too old go."""
    table = feed_quality_days
    values = msgspec.structs.asdict(day)
    statement = upsert(table, connection.dialect.name).values({"workspace": workspace, "feed": feed, **values})
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values))
    connection.execute(
        table.delete().where(table.c.workspace == workspace, table.c.day_ms < day.day_ms - KEEP_DAYS * DAY_MS)
    )


def newest(database: Database, workspace: str) -> dict[str, Reports]:
    """Return the newest reports by feed. One that an earlier release wrote in another shape is left out."""
    t = feed_quality.c
    query = sa.select(t.feed, t.kind, t.version, t.at_ms, t.report).where(t.workspace == workspace)
    found: dict[str, dict[str, object]] = {}
    with database.read() as connection:
        for feed, kind, version, at_ms, body in connection.execute(query):
            try:
                report = msgspec.json.decode(body, type=_TYPES[kind])
            except (msgspec.DecodeError, KeyError):
                continue
            mine = found.setdefault(feed, {})
            mine[kind] = report
            if kind == "freshness":
                mine |= {"version": int(version), "at_ms": int(at_ms)}
    return {feed: msgspec.convert(each, Reports) for feed, each in found.items()}


def trend(database: Database, workspace: str, since_ms: int) -> dict[str, Sequence[Day]]:
    """Return each feed's days since a moment, oldest first."""
    t = feed_quality_days.c
    columns = [t[name] for name in Day.__struct_fields__]
    query = sa.select(t.feed, *columns).where(t.workspace == workspace, t.day_ms >= since_ms).order_by(t.feed, t.day_ms)
    found: dict[str, list[Day]] = {}
    with database.read() as connection:
        for feed, *values in connection.execute(query):
            found.setdefault(feed, []).append(Day(*map(int, values)))
    return dict(found)
