"""The newest report of each kind, and one line a day that shows where quality goes."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

feed_quality = sa.Table(
    "feed_quality",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("report", sa.LargeBinary, nullable=False),  # JSON
)

feed_quality_days = sa.Table(
    "feed_quality_days",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("day_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("limit", sa.BigInteger, nullable=False),
    sa.Column("warning", sa.BigInteger, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("matched", sa.BigInteger, nullable=False),
    sa.Column("compared", sa.BigInteger, nullable=False),
    sa.Column("drifted", sa.BigInteger, nullable=False),
    sa.Column("late", sa.BigInteger, nullable=False),
    sa.Column("oldest_ms", sa.BigInteger, nullable=False),
)
