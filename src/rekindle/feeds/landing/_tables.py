"""What was found at the pages of a feed's items, and how far the newest run of visits is."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

feed_pages = sa.Table(
    "feed_pages",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),  # its id in the feed
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("row", sa.BigInteger),
    sa.Column("link", sa.Text, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("how", sa.String(8), nullable=False),
    sa.Column("worst", sa.Integer, nullable=False),  # 0 blocks the item … 3 nothing found
    sa.Column("findings", sa.LargeBinary, nullable=False),  # JSON
    # So that the next visit is conditional, and a page that has not changed can be compared again.
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("modified", sa.Text, nullable=False),
    sa.Column("facts", sa.LargeBinary),  # JSON
    sa.Index(None, "workspace", "feed", "worst"),
)

feed_page_runs = sa.Table(
    "feed_page_runs",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("visited", sa.Integer, nullable=False),
    sa.Column("asked_ms", sa.BigInteger, nullable=False),
    sa.Column("begun_ms", sa.BigInteger, nullable=False),
    sa.Column("ended_ms", sa.BigInteger, nullable=False),
    sa.Column("words", sa.Text, nullable=False),  # why it ended early
)
