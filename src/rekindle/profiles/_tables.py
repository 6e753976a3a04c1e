"""The tables of profiles and statistics; each can be rebuilt from the log."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

touches = sa.Table(
    "profile_touches",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("act", sa.String(8), primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Index(None, "workspace", "subject", "at_ms"),
    sa.Index(None, "at_ms"),
)

co_views = sa.Table(
    "profile_co_views",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("other_id", sa.Text, primary_key=True),
    sa.Column("heat", sa.Double, nullable=False),
)

popular = sa.Table(
    "profile_popular",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("heat", sa.Double, nullable=False),
    sa.Index(None, "workspace", "heat"),
)

event_counts = sa.Table(
    "statistics_events",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("hour_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event", sa.Text, primary_key=True),
    sa.Column("outcome", sa.String(16), primary_key=True),
    sa.Column("reason", sa.String(64), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

id_counts = sa.Table(
    "statistics_item_ids",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("hour_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("reason", sa.String(32), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

id_examples = sa.Table(
    "statistics_item_id_examples",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("reason", sa.String(32), primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)

# What the tag saw of each item by hour, and each price that a product page showed for it.
item_sightings = sa.Table(
    "item_sightings",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("hour_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("views", sa.BigInteger, nullable=False),
    sa.Column("carts", sa.BigInteger, nullable=False),
    sa.Column("purchases", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)

item_prices_seen = sa.Table(
    "item_prices_seen",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("hour_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("price", sa.String(40), primary_key=True),
    sa.Column("currency", sa.String(3), primary_key=True),
    sa.Column("views", sa.BigInteger, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)
