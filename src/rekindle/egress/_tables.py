"""Egress's tables: what became of each event at each destination, what waits for another try, and each lane's state."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

outcomes = sa.Table(
    "egress_outcomes",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(255), primary_key=True),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("trace", sa.String(100), nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    # Where the record is in the log, so that it can be read again while it is kept there.
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    # The decision it waits for, or waited for last; "" for none.
    sa.Column("ticket", sa.String(32), nullable=False, server_default=""),
)
sa.Index("ix_egress_outcomes_by_outcome", outcomes.c.workspace, outcomes.c.destination, outcomes.c.outcome,
         outcomes.c.reason)  # fmt: skip
sa.Index("ix_egress_outcomes_by_event", outcomes.c.workspace, outcomes.c.event_id)
sa.Index("ix_egress_outcomes_by_ticket", outcomes.c.ticket, sqlite_where=outcomes.c.ticket != "",
         postgresql_where=outcomes.c.ticket != "")  # fmt: skip

# How many events came to each outcome, kept in the transaction that writes the outcome: a page must not count
# millions of rows, and the sums stay when old rows go.
counts = sa.Table(
    "egress_counts",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("outcome", sa.String(16), primary_key=True),
    sa.Column("reason", sa.String(64), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

retries = sa.Table(
    "egress_retries",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(255), primary_key=True),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    # The log's record as it was: its personal part stays sealed here too.
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)
# By attempts first: what is due is taken in that order (`rekindle.egress._due`).
sa.Index("ix_egress_retries_by_attempts", retries.c.workspace, retries.c.destination, retries.c.attempts,
         retries.c.next_ms)  # fmt: skip

lanes = sa.Table(
    "egress_lanes",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("words", sa.String(400), nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("succeeded_ms", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
)

# One bucket for all workers that send to an account: requests there is leave for, and when they were last counted up.
quotas = sa.Table(
    "egress_quotas",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("tokens", sa.Float(53), nullable=False),
    sa.Column("filled_ms", sa.BigInteger, nullable=False),
)

ids = sa.Table(
    "egress_ids",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("reason", sa.String(32), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

credentials = sa.Table(
    "egress_credentials",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(120), primary_key=True),
    # The access token and, where the platform changes it, the refresh token, sealed. Empty before the first.
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("seed", sa.String(64), nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    # The last try: with what, how many failed in a row, when the next may be, and what was said.
    sa.Column("tried", sa.String(64), nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("words", sa.String(400), nullable=False),
)

people = sa.Table(
    "egress_people",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    # The newest sealed identifiers this destination could use; they can be read as long as the person was not erased.
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    # The pseudonym they were sealed for, where it is another than the row's: an older one of the same person.
    sa.Column("sealed_for", sa.String(64), nullable=False, server_default=""),
    # The person's other pseudonyms, parted by spaces: the suppression list knows people by any of them.
    sa.Column("names", sa.Text, nullable=False),
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
    # In the audience here; and, as far as we know, at the platform.
    sa.Column("wanted", sa.Boolean, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # When to try; NULL when there is nothing to do.
    sa.Column("due_ms", sa.BigInteger),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    # The platform's decision that is waited for, or was last; "" for none.
    sa.Column("ticket", sa.String(32), nullable=False, server_default=""),
)
sa.Index("ix_egress_people_by_attempts", people.c.workspace, people.c.destination, people.c.attempts, people.c.due_ms,
         people.c.subject, sqlite_where=people.c.due_ms.is_not(None), postgresql_where=people.c.due_ms.is_not(None))  # fmt: skip
sa.Index("ix_egress_people_by_ticket", people.c.ticket, sqlite_where=people.c.ticket != "",
         postgresql_where=people.c.ticket != "")  # fmt: skip

# Requests that a platform took and decides about later. The rows of events and people name theirs.
tickets = sa.Table(
    "egress_tickets",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("workspace", sa.String(64), nullable=False),
    sa.Column("destination", sa.String(64), nullable=False),
    # The platform's name of the request, by which it is asked.
    sa.Column("ticket", sa.String(200), nullable=False),
    # What was asked for: "events", "add" or "remove".
    sa.Column("operation", sa.String(16), nullable=False),
    sa.Column("opened_ms", sa.BigInteger, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("deadline_ms", sa.BigInteger, nullable=False),
    sa.Column("looks", sa.Integer, nullable=False),
    sa.Column("words", sa.String(400), nullable=False),
)
sa.Index("ix_egress_tickets_due", tickets.c.next_ms)
sa.Index("ix_egress_tickets_by_destination", tickets.c.workspace, tickets.c.destination)

# One row for each list that was ever to be replaced as a whole: the session it is in, and how far it has come.
replacements = sa.Table(
    "egress_replacements",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    # "wanted", "running", "done" or "failed".
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("session", sa.BigInteger, nullable=False),
    sa.Column("began_ms", sa.BigInteger, nullable=False),
    # The number of the next request, and the last subject that is in the session.
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("after", sa.String(64), nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("words", sa.String(400), nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

# What platforms say of the quality of what they get, one row a day for each measure and what it is of.
quality = sa.Table(
    "egress_quality",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("measure", sa.String(64), primary_key=True),
    sa.Column("scope", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("unit", sa.String(16), nullable=False),
    sa.Column("words", sa.String(200), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

cursors = sa.Table(
    "egress_audience_cursors",
    metadata,
    sa.Column("workspace", sa.String(64), primary_key=True),
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("change_id", sa.BigInteger, nullable=False),
)
