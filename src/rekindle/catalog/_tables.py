"""The catalogue's tables."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

snapshots = sa.Table(
    "catalog_snapshots",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("base_digest", sa.String(64)),  # its items, as Parquet; NULL: the snapshot's own digest
    sa.Column("patch_digest", sa.String(64)),  # what differs from the base (`overlay`)
    sa.Column("recipe", sa.String(64)),  # of which sources it was merged, and how
    sa.Column("offers_digest", sa.String(64), nullable=False),
    sa.Column("offers_patch_digest", sa.String(64)),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("taken_ms", sa.BigInteger, nullable=False),
    sa.Column("previous", sa.String(64)),
    sa.Column("changes", sa.LargeBinary, nullable=False),  # ChangeSummary, MessagePack
    sa.Column("changed_digest", sa.String(64)),  # the items that differ from ``previous``, as Parquet
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
    sa.Column("patch_digest", sa.String(64)),  # what differs from it now (`overlay`)
    sa.Column("items", sa.BigInteger, nullable=False, default=0),
    sa.Column("read_ms", sa.BigInteger),
    sa.Column("fingerprint", sa.String(64)),  # of the source's settings
    sa.Column("content", sa.String(64)),  # SHA-256 of the file as it came
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("ages_digest", sa.String(64)),  # when each item was seen and changed, as Parquet
    sa.Column("ages_patch_digest", sa.String(64)),
    sa.Column("changes_ms", sa.BigInteger),  # until when it is known what changed in an account
    sa.Column("asked_ms", sa.BigInteger),  # when it was last asked for that
)

walks = sa.Table(
    "catalog_walks",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of the source's settings
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("place", sa.LargeBinary, nullable=False),  # walker.Place, JSON
)
"""Walks through accounts that are not at their end; their records are in files."""

hints = sa.Table(
    "catalog_hints",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),  # when to read it again; far ahead when that is done
    sa.Column("attempts", sa.Integer, nullable=False),
)
"""What webhooks said has changed. A key has one row, however often it is named."""

runs = sa.Table(
    "catalog_runs",
    metadata,
    sa.Column("run", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("workspace", sa.Text, nullable=False, index=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("result", sa.LargeBinary, nullable=False),  # RunResult, MessagePack
)
