"""Versions of feeds, which of them is live, and what the checks found."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

feed_versions = sa.Table(
    "feed_versions",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("channel", sa.String(63), nullable=False),
    sa.Column("recipe", sa.String(64), nullable=False),
    sa.Column("snapshot", sa.String(64), nullable=False),
    sa.Column("spec", sa.String(32), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("gzip_digest", sa.String(64), nullable=False),
    sa.Column("gzip_size", sa.BigInteger, nullable=False),
    sa.Column("items_digest", sa.String(64), nullable=False),
    sa.Column("index_digest", sa.String(64), nullable=False),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("excluded", sa.BigInteger, nullable=False),
    sa.Column("blocked", sa.BigInteger, nullable=False),
    sa.Column("missing", sa.JSON, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("held_reason", sa.Text),
    sa.Column("approved_by", sa.String(200)),
    sa.Column("basis", sa.String(64)),
    sa.Column("patch_digest", sa.String(64)),
    sa.Column("layout_digest", sa.String(64)),
    sa.Column("base_digest", sa.String(64)),
    sa.Column("base_gzip_digest", sa.String(64)),
    sa.Column("plain_digest", sa.String(64)),
)

# Further packed forms of a version's file, by the digest of the plain one; made after publication.
feed_variants = sa.Table(
    "feed_variants",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("zstd_digest", sa.String(64), nullable=False),
    sa.Column("zstd_size", sa.BigInteger, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

feed_live = sa.Table(
    "feed_live",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
)

# Each change of the pointer, and what a reader of the version before needs to have the new one.
feed_deltas = sa.Table(
    "feed_deltas",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("previous", sa.Integer),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("removed", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64)),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("update_digest", sa.String(64)),
    sa.Column("update_size", sa.BigInteger, nullable=False),
)

# What became of a version on each way out; `number` counts within the feed, so that the newest is the last written.
feed_receipts = sa.Table(
    "feed_receipts",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("route", sa.String(63), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Index(None, "workspace", "feed", "route", "number"),
)

# How far each delivery is: what arrived last, what is under way, and when it is tried again.
feed_deliveries = sa.Table(
    "feed_deliveries",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("delivery", sa.String(63), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer),
    sa.Column("arrived_version", sa.Integer),
    sa.Column("arrived_ms", sa.BigInteger, nullable=False),
    sa.Column("occasion_ms", sa.BigInteger, nullable=False),
    sa.Column("since_ms", sa.BigInteger),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("settings", sa.String(64), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
)

# Every finding is counted; of each kind the first thousand are kept, and only for the newest version and the live one.
feed_findings = sa.Table(
    "feed_findings",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("code", sa.String(63), nullable=False),
    sa.Column("attribute", sa.String(63), nullable=False),
    sa.Column("severity", sa.String(8), nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
)

feed_issues = sa.Table(
    "feed_issues",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("row", sa.BigInteger),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
)
