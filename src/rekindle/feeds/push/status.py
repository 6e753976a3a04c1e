"""Read models of pushes for the console, the command line, metrics and the quality page."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.egress.items import LaneState, line_states
from rekindle.engines.database import Database
from rekindle.feeds import versions
from rekindle.feeds.push._store import ACCEPTED, HELD, REFUSED, TAKEN, WAITING, Rows
from rekindle.feeds.push._tables import feed_pushed as items
from rekindle.feeds.push.platform import platform
from rekindle.workspace import Workspace

STATES = (WAITING, TAKEN, ACCEPTED, REFUSED, HELD)


class PushStatus(msgspec.Struct, frozen=True):
    """How one feed's push is. Times are epoch milliseconds, 0 for never.

    ``state``, ``words``, ``since_ms`` and ``next_ms`` are the line's: ``running``, ``throttled``, ``open``, ``held``.
    ``version`` is pushed, ``live`` is published. ``items`` counts by state: ``waiting``, ``taken`` (the platform
    decides later), ``accepted``, ``refused``, ``held`` (removals that wait for a person, with ``held_reason``).
    ``oldest_ms`` says since when the oldest item that is not decided waits; ``done_ms`` when the last was.
    """

    feed: str
    platform: str
    enabled: bool
    version: int
    live: int
    state: str
    words: str
    since_ms: int
    next_ms: int
    items: dict[str, int]
    oldest_ms: int
    done_ms: int
    held_reason: str
    approved_by: str


class PushIssue(msgspec.Struct, frozen=True):
    """What a platform said of one item; ``at_ms`` is when it was sent."""

    item: str
    state: str
    code: str
    words: str
    at_ms: int


def push_status(database: Database, workspace: Workspace) -> list[PushStatus]:
    """Return every feed that is pushed, by name."""
    lines = line_states(database, workspace.name)
    found = []
    with database.read() as connection:
        for name, feed in sorted(workspace.feeds.items()):
            chosen = platform(feed.channel)
            if feed.push is not None and chosen is not None:
                line = lines.get(name, LaneState())
                title = chosen.manifest.title
                found.append(
                    _status(connection, database.dialect, workspace.name, name, title, feed.push.enabled, line)
                )
    return found


def _status(
    connection: Connection, dialect: str, workspace: str, name: str, title: str, enabled: bool, line: LaneState
) -> PushStatus:
    rows = Rows(dialect, workspace, name)
    push, counts = rows.push(connection), rows.counts(connection)
    pointer = versions.live(connection, workspace, name)
    return PushStatus(
        name, title, enabled, push.version, pointer[0].version if pointer else 0, line.state, line.words, line.since_ms,
        line.next_ms, {state: counts.get(state, 0) for state in STATES}, rows.oldest_open(connection), push.done_ms,
        push.held_reason, push.approved_by,
    )  # fmt: skip


def push_issues(database: Database, workspace: str, feed: str, limit: int = 100, offset: int = 0) -> list[PushIssue]:
    """Return items of which the platform said something: refused ones first, then those it took with a remark."""
    mine = (items.c.workspace == workspace, items.c.feed == feed)
    order = (sa.case((items.c.state == REFUSED, 0), else_=1), items.c.item)
    query = sa.select(items.c.item, items.c.state, items.c.code, items.c.words, items.c.pushed_ms)
    with database.read() as connection:
        rows = connection.execute(query.where(*mine, items.c.code != "").order_by(*order).limit(limit).offset(offset))
        return [PushIssue(*row) for row in rows]
