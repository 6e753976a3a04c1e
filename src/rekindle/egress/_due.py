"""Find rows whose time has come, those with the fewest attempts first, without sorting all that wait.

A backlog after an outage is due as a whole, and every step takes a batch of it: sorting the backlog each time would
cost more than sending it. An index by attempts and time is walked instead, one number of attempts after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def due(
    connection: Connection,
    query: sa.Select[Any],
    attempts: sa.Column[int],
    when: sa.Column[int],
    now_ms: int,
    limit: int,
    *order: sa.Column[Any],
) -> Sequence[sa.Row[Any]]:
    """Return up to ``limit`` rows of ``query`` whose ``when`` is not after ``now_ms``.

    ``query`` names the rows it is about by columns that lead an index, which goes on with ``attempts`` and ``when``;
    ``order`` decides between rows of the same time.
    """
    found: list[sa.Row[Any]] = []
    tried = -1
    while len(found) < limit:
        lowest = query.where(attempts > tried, when.is_not(None)).order_by(attempts, when).limit(1)
        least = connection.execute(lowest.with_only_columns(attempts)).scalar()
        if least is None:
            break
        tried = least
        part = query.where(attempts == tried, when <= now_ms).order_by(when, *order).limit(limit - len(found))
        found += connection.execute(part).all()
    return found
