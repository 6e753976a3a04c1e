"""How the lists at platforms stand, and the wish to tell one anew."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from rekindle.egress._people import People
from rekindle.egress._replacements import Replacement, Replacements
from rekindle.egress._tables import people
from rekindle.engines.database import Database


class ListStatus(msgspec.Struct, frozen=True):
    """One list: how many are there as far as is known, how many belong there, and what became of people.

    ``outcomes`` counts people by ``outcome/reason``; ``replacement`` is the newest one, where there ever was one.
    """

    destination: str
    there: int
    wanted: int
    outcomes: dict[str, int]
    replacement: Replacement | None


async def lists(database: Database, workspace: str) -> list[ListStatus]:
    """Return every list of a workspace that was told anything, by destination."""
    count = sa.func.count()
    query = (
        sa.select(
            people.c.destination, count.filter(people.c.sent).label("there"),
            count.filter(people.c.wanted).label("wanted"),
        )
        .where(people.c.workspace == workspace)
        .group_by(people.c.destination)
        .order_by(people.c.destination)
    )  # fmt: skip
    rows = await database.query(lambda connection: connection.execute(query).all())
    return [
        ListStatus(
            row.destination,
            row.there,
            row.wanted,
            await People(database, workspace, row.destination).counts(),
            await Replacements(database, workspace, row.destination).load(),
        )
        for row in rows
    ]


def resync(database: Database, workspace: str, destination: str, now_ms: int) -> None:
    """Want a list told anew, from the beginning; the audience's lane does it."""
    Replacements(database, workspace, destination).ask(now_ms)


__all__ = ["ListStatus", "lists", "resync"]
