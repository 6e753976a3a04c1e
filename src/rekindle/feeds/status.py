"""Read models for the console and the command line."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.feeds import versions
from rekindle.feeds._tables import feed_findings, feed_issues
from rekindle.feeds.findings import Finding
from rekindle.feeds.versions import FeedVersion
from rekindle.model.issue import Issue
from rekindle.workspace import Workspace


class FeedStatus(msgspec.Struct, frozen=True):
    """One feed: the live version, a held one that waits for a person, and counts of the newest version's findings.

    ``issues`` is by severity; ``updated_ms`` says since when readers get the live version.
    """

    feed: str
    channel: str
    live: FeedVersion | None
    items: int
    issues: dict[str, int]
    held: FeedVersion | None
    updated_ms: int | None


def status(database: Database, workspace: Workspace) -> list[FeedStatus]:
    """Return every configured feed of a workspace, by name."""
    with database.read() as connection:
        return [
            _status(connection, workspace.name, name, document.channel)
            for name, document in sorted(workspace.feeds.items())
        ]


def _status(connection: Connection, workspace: str, feed: str, channel: str) -> FeedStatus:
    pointer = versions.live(connection, workspace, feed)
    newest = versions.newest(connection, workspace, feed)
    live, since = pointer or (None, None)
    counts: dict[str, int] = {"block": 0, "limit": 0, "warning": 0}
    for finding in _findings(connection, newest) if newest else []:
        counts[finding.severity] += finding.count
    held = newest if newest is not None and newest.held else None
    return FeedStatus(feed, channel, live, live.items if live else 0, counts, held, since)


def history(database: Database, workspace: str, feed: str) -> list[FeedVersion]:
    """Return a feed's versions, newest first."""
    with database.read() as connection:
        return versions.history(connection, workspace, feed)


def live_version(database: Database, workspace: str, feed: str) -> int | None:
    """Return the number of the version that readers get, or None before the first."""
    with database.read() as connection:
        pointer = versions.live(connection, workspace, feed)
    return pointer[0].version if pointer else None


def findings(database: Database, workspace: str, feed: str, version: int | None = None) -> list[Finding]:
    """Return what the checks found in a version (the newest when not named), counted, without single issues."""
    with database.read() as connection:
        if version is None:
            found = versions.newest(connection, workspace, feed)
        else:
            found = versions.find(connection, workspace, feed, version)
        return _findings(connection, found) if found else []


def _findings(connection: Connection, version: FeedVersion) -> list[Finding]:
    t = feed_findings.c
    rows = connection.execute(
        sa.select(t.code, t.attribute, t.severity, t.remedy, t.count)
        .where(t.workspace == version.workspace, t.feed == version.feed, t.version == version.version)
        .order_by(t.position)
    )
    return [Finding(*row) for row in rows]


def issues(
    database: Database,
    workspace: str,
    feed: str,
    severity: str | None = None,
    code: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Issue]:
    """Return single issues of the newest version, at most a thousand of each kind, ordered by kind and item."""
    f, i = feed_findings.c, feed_issues.c
    with database.read() as connection:
        newest = versions.newest(connection, workspace, feed)
        if newest is None:
            return []
        same = (f.workspace == i.workspace) & (f.feed == i.feed) & (f.version == i.version) & (f.position == i.position)
        query = (
            sa.select(i.row, i.id, f.attribute, f.code, f.severity, i.value, f.remedy)
            .select_from(feed_issues.join(feed_findings, same))
            .where(i.workspace == workspace, i.feed == feed, i.version == newest.version)
            .order_by(i.position, i.number)
        )
        if severity is not None:
            query = query.where(f.severity == severity)
        if code is not None:
            query = query.where(f.code == code)
        return [Issue(*row) for row in connection.execute(query.limit(limit).offset(offset))]
