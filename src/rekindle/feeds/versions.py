"""The record of a feed's versions: stored, live, held, approved, rolled back, forgotten."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database.core import upsert
from rekindle.feeds._tables import feed_findings, feed_issues, feed_live, feed_versions
from rekindle.feeds.findings import Finding

BLOBS = (
    "digest", "gzip_digest", "items_digest", "index_digest",
    "patch_digest", "layout_digest", "base_digest", "base_gzip_digest",
)  # fmt: skip


class UnknownVersion(LookupError):
    """The feed has no such version."""


class FeedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable build.

    ``held_reason`` says why it was not published by itself; ``missing`` is the share of the offered items (0 to 1)
    that lack each required attribute.

    ``digest`` tells contents apart. It is that of the gzip file, which is what is kept; versions of earlier releases keep
    the plain file too, and theirs is the plain one's. ``plain_digest`` is SHA-256 of the plain file, once it is known.

    A build on another names the full one's items as ``items_digest``, and those that differ as ``patch_digest``. ``basis`` is
    what made the items of the products; builds of another basis have nothing in common. ``layout_digest`` says where
    things are in the file. The first versions of all had none of these, and ``base_…`` are files of earlier releases.
    """

    workspace: str
    feed: str
    version: int
    channel: str
    recipe: str
    snapshot: str
    spec: str
    digest: str
    size: int
    gzip_digest: str
    gzip_size: int
    items_digest: str
    index_digest: str
    items: int
    excluded: int
    blocked: int
    missing: dict[str, float]
    created_ms: int
    held_reason: str | None = None
    approved_by: str | None = None
    basis: str | None = None
    plain_digest: str | None = None
    patch_digest: str | None = None
    layout_digest: str | None = None
    base_digest: str | None = None
    base_gzip_digest: str | None = None

    @property
    def held(self) -> bool:
        """Whether it waits for a person."""
        return self.held_reason is not None and self.approved_by is None


def of(row: sa.Row[Any]) -> FeedVersion:
    """Return a row of the table as a version."""
    return msgspec.convert({name: getattr(row, name) for name in FeedVersion.__struct_fields__}, FeedVersion)


def _key(table: sa.Table, workspace: str, feed: str) -> sa.ColumnElement[bool]:
    return (table.c.workspace == workspace) & (table.c.feed == feed)


def find(connection: Connection, workspace: str, feed: str, version: int) -> FeedVersion:
    """Return one version. Raises `UnknownVersion`."""
    rows = sa.select(feed_versions).where(_key(feed_versions, workspace, feed), feed_versions.c.version == version)
    row = connection.execute(rows).first()
    if row is None:
        raise UnknownVersion(f"feed {feed} has no version {version}; `rekindle feeds list` names them")
    return of(row)


def history(connection: Connection, workspace: str, feed: str) -> list[FeedVersion]:
    """Return a feed's versions, newest first."""
    rows = sa.select(feed_versions).where(_key(feed_versions, workspace, feed)).order_by(feed_versions.c.version.desc())
    return [of(row) for row in connection.execute(rows)]


def newest(connection: Connection, workspace: str, feed: str) -> FeedVersion | None:
    """Return the last version that was built, live or not."""
    rows = sa.select(feed_versions).where(_key(feed_versions, workspace, feed)).order_by(feed_versions.c.version.desc())
    row = connection.execute(rows.limit(1)).first()
    return None if row is None else of(row)


def live(connection: Connection, workspace: str, feed: str) -> tuple[FeedVersion, int] | None:
    """Return the version that readers get, and since when."""
    same = (
        (feed_versions.c.workspace == feed_live.c.workspace)
        & (feed_versions.c.feed == feed_live.c.feed)
        & (feed_versions.c.version == feed_live.c.version)
    )
    rows = sa.select(feed_versions, feed_live.c.since_ms).join(feed_live, same)
    row = connection.execute(rows.where(_key(feed_live, workspace, feed))).first()
    return None if row is None else (of(row), int(row.since_ms))


def live_feeds(connection: Connection, workspace: str) -> list[str]:
    """Return the names of a workspace's published feeds, sorted."""
    rows = sa.select(feed_live.c.feed).where(feed_live.c.workspace == workspace).order_by(feed_live.c.feed)
    return [str(name) for (name,) in connection.execute(rows)]


def store(connection: Connection, version: FeedVersion, findings: list[Finding]) -> None:
    """Record a new version and what its checks found."""
    connection.execute(sa.insert(feed_versions).values(msgspec.to_builtins(version)))
    key = {"workspace": version.workspace, "feed": version.feed, "version": version.version}
    for position, finding in enumerate(findings):
        connection.execute(
            sa.insert(feed_findings).values(
                **key, position=position, code=finding.code, attribute=finding.attribute,
                severity=finding.severity, remedy=finding.remedy, count=finding.count,
            )
        )  # fmt: skip
        rows = [
            {**key, "position": position, "number": number, "row": issue.row, "id": issue.id, "value": issue.value}
            for number, issue in enumerate(finding.issues)
        ]
        if rows:
            connection.execute(sa.insert(feed_issues), rows)


def publish(connection: Connection, dialect: str, version: FeedVersion, now_ms: int) -> None:
    """Point readers at a version: one row, so they get the old file or the new one and nothing between."""
    row = {"workspace": version.workspace, "feed": version.feed, "version": version.version, "since_ms": now_ms}
    statement = upsert(feed_live, dialect).values(row)
    new = {"version": version.version, "since_ms": now_ms}
    connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "feed"], set_=new))


def approve(connection: Connection, version: FeedVersion, who: str) -> None:
    """Record that a person let a held version pass."""
    connection.execute(
        sa.update(feed_versions)
        .where(_key(feed_versions, version.workspace, version.feed), feed_versions.c.version == version.version)
        .values(approved_by=who)
    )


def trim(connection: Connection, workspace: str, feed: str, keep: int) -> set[str]:
    """Forget versions beyond the newest ``keep``, never the live one; return the blobs nobody needs any more."""
    pointer = live(connection, workspace, feed)
    kept_live = pointer[0].version if pointer else 0
    versions = history(connection, workspace, feed)
    for old in versions[1:]:
        if old.version != kept_live:
            _forget_issues(connection, old)
    freed: set[str] = set()
    for old in versions[keep:]:
        if old.version == kept_live:
            continue
        for table in (feed_findings, feed_versions):
            connection.execute(sa.delete(table).where(_key(table, workspace, feed), table.c.version == old.version))
        freed.update(digest for column in BLOBS if (digest := getattr(old, column)))
    return unused(connection, freed)


def unused(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of the blobs that no version of any feed names."""
    freed = set(digests)
    used = sa.or_(*(feed_versions.c[column].in_(freed) for column in BLOBS))
    for row in connection.execute(sa.select(*(feed_versions.c[column] for column in BLOBS)).where(used)):
        freed.difference_update(row)
    return freed


def _forget_issues(connection: Connection, version: FeedVersion) -> None:
    connection.execute(
        sa.delete(feed_issues).where(
            _key(feed_issues, version.workspace, version.feed), feed_issues.c.version == version.version
        )
    )
