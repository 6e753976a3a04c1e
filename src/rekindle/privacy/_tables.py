"""The privacy engine's tables."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

# One row of `vault_nodes` is one family of nodes of a key tree (`_tree.py`), wrapped by the key-encryption key.
vault_nodes = sa.Table(
    "privacy_vault_nodes",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("month", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("path", sa.String(64), primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
)

# Counts the changes of a workspace's trees, so that other processes notice that theirs are old.
vault_revisions = sa.Table(
    "privacy_vault_revisions",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

consents = sa.Table(
    "privacy_consents",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("consent", sa.LargeBinary, nullable=False),
)

# ``subject`` is a hash of the pseudonym (`suppression.mark`).
suppressed = sa.Table(
    "privacy_suppressed",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
)

# The Global Vendor List is everybody's: its workspace is empty.
vendor_lists = sa.Table(
    "privacy_vendor_lists",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("published_ms", sa.BigInteger, nullable=False),
    sa.Column("imported_ms", sa.BigInteger, nullable=False),
    sa.Column("vendors", sa.Integer, nullable=False),
)

ledger_lines = sa.Table(
    "privacy_ledger",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("workspace", sa.String(63), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("event_id", sa.String(255)),
    sa.Column("subject", sa.String(64)),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    sa.Index(None, "workspace", "kind", "position"),
    sa.Index(None, "workspace", "event_id", "position"),
)

# One row: the tree's size and the hashes of its full subtrees, largest first.
ledger_heads = sa.Table(
    "privacy_ledger_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("workspace", sa.String(63), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("peaks", sa.LargeBinary, nullable=False),
    sa.Column("checkpoint", sa.Text, nullable=False),
    sa.Column("signed_ms", sa.BigInteger, nullable=False),
)

# What people asked for. ``marks`` are hashes of the person's pseudonyms (`suppression.mark`), parted by spaces.
subject_requests = sa.Table(
    "privacy_subject_requests",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("law", sa.String(8), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("marks", sa.Text, nullable=False),
    sa.Column("certificate", sa.Text, nullable=False),
)

# One platform from whose lists a person is to be taken. ``payload`` holds what the platform knows the person by,
# encrypted; it is emptied as soon as the platform has answered for good.
subject_removals = sa.Table(
    "privacy_subject_removals",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("request", sa.String(40), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    # By what the platform is asked what it decided, parted by spaces; and until when.
    sa.Column("tickets", sa.Text, nullable=False, server_default=""),
    sa.Column("deadline_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("refusals", sa.Integer, nullable=False, server_default="0"),
)

# Rotations of the pseudonyms' key. The key is the whole installation's: the workspace is empty.
rotations = sa.Table(
    "privacy_rotations",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("ends_ms", sa.BigInteger, nullable=False),
    sa.Column("retired_ms", sa.BigInteger, nullable=False),
)
