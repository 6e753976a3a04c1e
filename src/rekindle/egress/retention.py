"""Outcomes go when the counts they are compared with go."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.egress._tables import outcomes
from rekindle.engines.database import Database
from rekindle.model.outcome import FINAL

_HOUR_MS = 3_600_000


def expire_outcomes(database: Database, workspace: str, before_ms: int) -> int:
    """Delete the outcomes of events received before that moment's hour; return how many. What still waits stays."""
    with database.begin() as connection:
        gone = connection.execute(
            sa.delete(outcomes).where(
                outcomes.c.workspace == workspace,
                outcomes.c.received_ms < before_ms // _HOUR_MS * _HOUR_MS,
                outcomes.c.outcome.in_([one.value for one in FINAL]),
            )
        )
    return gone.rowcount
