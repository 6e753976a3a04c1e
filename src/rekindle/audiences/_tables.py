"""The tables of audiences; all but the log of changes can be rebuilt from the event log."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

visitors = sa.Table(
    "audience_visitors",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("state", sa.LargeBinary, nullable=False),
    sa.Column("touched_ms", sa.BigInteger, nullable=False),
    sa.Index(None, "touched_ms"),
)

members = sa.Table(
    "audience_members",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("audience", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Index(None, "workspace", "subject"),
)

timers = sa.Table(
    "audience_timers",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("audience", sa.String(63), primary_key=True),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Index(None, "due_ms"),
)

changes = sa.Table(
    "audience_changes",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("workspace", sa.String(63), nullable=False),
    sa.Column("audience", sa.String(63), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("entered", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Index(None, "workspace", "audience", "id"),
    sa.Index(None, "workspace", "subject", "id"),
    sa.Index(None, "at_ms"),
    sqlite_autoincrement=True,  # a number is never used twice, so a reader's "after" stays true when old rows go
)

rules = sa.Table(
    "audience_rules",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("audience", sa.String(63), primary_key=True),
    sa.Column("definition", sa.Text, nullable=False),
)
