"""The catalogue's tables."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

snapshots = sa.Table(
    "catalog_snapshots",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("offers_digest", sa.String(64), nullable=False),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("taken_ms", sa.BigInteger, nullable=False),
    sa.Column("previous", sa.String(64)),
    sa.Column("changes", sa.LargeBinary, nullable=False),  # ChangeSummary, MessagePack
)
"""Every state the catalogue was in. A state that comes back keeps its row; ``taken_ms`` is its last coming."""

live = sa.Table(
    "catalog_live",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
)

sources = sa.Table(
    "catalog_sources",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("tried_ms", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64)),  # the last good import, as Parquet
    sa.Column("items", sa.BigInteger, nullable=False, default=0),
    sa.Column("read_ms", sa.BigInteger),
    sa.Column("fingerprint", sa.String(64)),  # of the source's settings
    sa.Column("content", sa.String(64)),  # SHA-256 of the file as it came
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
)

runs = sa.Table(
    "catalog_runs",
    metadata,
    sa.Column("run", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("workspace", sa.Text, nullable=False, index=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("result", sa.LargeBinary, nullable=False),  # RunResult, MessagePack
)
