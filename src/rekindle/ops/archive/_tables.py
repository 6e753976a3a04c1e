"""The archive's manifest: one row for each file."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

files = sa.Table(
    "archive_files",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    # The hour (UTC) in which the events happened; records that are no events go by when they were received.
    sa.Column("hour_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    # Late events come in a later part of their hour.
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("written_ms", sa.BigInteger, nullable=False),
)
