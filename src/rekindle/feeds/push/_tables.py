"""Items at platforms: how each is to be, what was sent, what was taken; requests that are asked about; each feed's push."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

feed_pushes = sa.Table(
    "feed_pushes",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    # The version whose items are wanted at the platform, since when, and what puts them into its words.
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("wanted_ms", sa.BigInteger, nullable=False),
    sa.Column("basis", sa.String(80), nullable=False),
    # Which account it is about: another one has none of the items.
    sa.Column("target", sa.String(32), nullable=False),
    # When its last item was answered for; 0 before.
    sa.Column("done_ms", sa.BigInteger, nullable=False),
    # Removals that wait for a person, and who let them pass.
    sa.Column("held_reason", sa.Text, nullable=False),
    sa.Column("approved_by", sa.String(200), nullable=False),
    sa.Column("approved_version", sa.Integer, nullable=False),
)

# ``wanted`` is the fingerprint of the item as it is to be ("" : it is to be removed), ``pushed`` that of what was sent
# last, ``accepted`` that of what the platform has.
feed_pushed = sa.Table(
    "feed_pushed",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),
    sa.Column("wanted", sa.String(32), nullable=False),
    sa.Column("wanted_ms", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("pushed", sa.String(32), nullable=False),
    sa.Column("pushed_ms", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.String(32), nullable=False),
    sa.Column("accepted_ms", sa.BigInteger, nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("ticket", sa.String(255), nullable=False),
    sa.Index(None, "workspace", "feed", "state", "wanted_ms", "item"),
    sa.Index(None, "workspace", "feed", "ticket"),
)
sa.Index("ix_feed_pushed_issues", feed_pushed.c.workspace, feed_pushed.c.feed, sqlite_where=feed_pushed.c.code != "",
         postgresql_where=feed_pushed.c.code != "")  # fmt: skip
sa.Index("ix_feed_pushed_removals", feed_pushed.c.workspace, feed_pushed.c.feed, sqlite_where=feed_pushed.c.wanted == "",
         postgresql_where=feed_pushed.c.wanted == "")  # fmt: skip

# A request whose platform decides later, or tells more of it later; its items carry the ticket.
feed_push_tickets = sa.Table(
    "feed_push_tickets",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("feed", sa.String(63), primary_key=True),
    sa.Column("ticket", sa.String(255), primary_key=True),
    sa.Column("opened_ms", sa.BigInteger, nullable=False),
    sa.Column("looks", sa.Integer, nullable=False),
    sa.Column("look_ms", sa.BigInteger, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Index(None, "workspace", "feed", "look_ms"),
)
