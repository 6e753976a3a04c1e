"""The results of visits, by item, and the run: what pages, commands and exports read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.feeds.landing._tables import feed_page_runs as runs
from rekindle.feeds.landing._tables import feed_pages as pages
from rekindle.feeds.landing.comparing import Facts, PageFinding

_GRADES: Final = {"block": 0, "limit": 1, "warning": 2}
_FINE: Final = 3


class Checked(msgspec.Struct, frozen=True):
    """What was found at one item's page at ``at_ms``. ``how`` says by what the item was found on it (`matching.How`)."""

    item: str
    at_ms: int
    version: int
    row: int | None
    link: str
    outcome: str
    status: int | None
    how: str
    findings: Sequence[PageFinding] = ()


class Kept(msgspec.Struct, frozen=True):
    """What makes the next visit of a page conditional."""

    link: str
    etag: str
    modified: str
    facts: Facts


class PageRun(msgspec.Struct, frozen=True):
    """One run of visits. ``state``: ``asked``, ``running``, ``done``, ``stopped`` (early; ``words`` say why), ``failed``.

    ``items`` is how many were asked for, and then how many there are; times are epoch milliseconds, 0 for not yet.
    """

    state: str
    items: int
    visited: int = 0
    asked_ms: int = 0
    begun_ms: int = 0
    ended_ms: int = 0
    words: str = ""


_CHECKED: Final = [pages.c[name] for name in Checked.__struct_fields__]
_RUN: Final = [runs.c[name] for name in PageRun.__struct_fields__]


def save(connection: Connection, workspace: str, feed: str, checked: Checked, kept: Kept | None) -> None:
    """Put an item's result in the place of the one before."""
    values: dict[str, Any] = msgspec.structs.asdict(checked) | {
        "findings": msgspec.json.encode(checked.findings),
        "worst": min((_GRADES[each.severity] for each in checked.findings), default=_FINE),
        "etag": kept.etag if kept else "", "modified": kept.modified if kept else "",
        "facts": msgspec.json.encode(kept.facts) if kept else None,
    }  # fmt: skip
    key = {"workspace": workspace, "feed": feed, "item": values.pop("item")}
    statement = upsert(pages, connection.dialect.name).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def kept(connection: Connection, workspace: str, feed: str, item: str) -> Kept | None:
    """Return what is kept of an item's page; None where that does not help the next visit."""
    t = pages.c
    where = (*_mine(pages, workspace, feed), t.item == item, t.facts.is_not(None))
    row = connection.execute(sa.select(t.link, t.etag, t.modified, t.facts).where(*where)).first()
    if row is None or not (row.etag or row.modified):
        return None
    try:
        return Kept(row.link, row.etag, row.modified, msgspec.json.decode(row.facts, type=Facts))
    except msgspec.DecodeError:
        return None  # of another release


def checked(database: Database, workspace: str, feed: str, limit: int = 200, offset: int = 0) -> list[Checked]:
    """Return the newest results of a feed's items, the worst first."""
    query = sa.select(*_CHECKED).where(*_mine(pages, workspace, feed)).order_by(pages.c.worst, pages.c.item)
    with database.read() as connection:
        return [_of(row) for row in connection.execute(query.limit(limit).offset(offset))]


def totals(database: Database, workspace: str, feed: str) -> dict[str, int]:
    """Return how many items' pages are ``block``, ``limit``, ``warning`` at the worst, and ``fine``."""
    names = {number: name for name, number in _GRADES.items()} | {_FINE: "fine"}
    query = sa.select(pages.c.worst, sa.func.count()).where(*_mine(pages, workspace, feed)).group_by(pages.c.worst)
    with database.read() as connection:
        counted = {names.get(int(worst), "fine"): int(count) for worst, count in connection.execute(query)}
    return {name: counted.get(name, 0) for name in names.values()}


def run_of(connection: Connection, workspace: str, feed: str) -> PageRun | None:
    """Return a feed's newest run."""
    row = connection.execute(sa.select(*_RUN).where(*_mine(runs, workspace, feed))).first()
    return PageRun(*row) if row else None


def open_runs(database: Database) -> list[tuple[str, str, PageRun]]:
    """Return the runs that wait to be taken up or were left, with workspace and feed, first asked first."""
    query = sa.select(runs.c.workspace, runs.c.feed, *_RUN).where(runs.c.state.in_(("asked", "running")))
    with database.read() as connection:
        rows = connection.execute(query.order_by(runs.c.asked_ms, runs.c.workspace, runs.c.feed))
        return [(workspace, feed, PageRun(*run)) for workspace, feed, *run in rows]


def save_run(connection: Connection, workspace: str, feed: str, run: PageRun) -> None:
    """Keep how far a feed's run is."""
    values = msgspec.structs.asdict(run)
    statement = upsert(runs, connection.dialect.name).values(workspace=workspace, feed=feed, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "feed"], set_=values))


def trim(connection: Connection, workspace: str, before_ms: int) -> int:
    """Drop a workspace's results from before a moment; return how many."""
    return int(
        connection.execute(sa.delete(pages).where(pages.c.workspace == workspace, pages.c.at_ms < before_ms)).rowcount
    )


def _mine(table: sa.Table, workspace: str, feed: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.workspace == workspace, table.c.feed == feed


def _of(row: sa.Row[Any]) -> Checked:
    values = {name: getattr(row, name) for name in Checked.__struct_fields__}
    return Checked(**values | {"findings": msgspec.json.decode(row.findings, type=list[PageFinding])})
