"""What became of proposed versions: who approved or rejected them, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import metadata
from rekindle.engines.database.core import upsert

State = Literal["proposed", "approved", "rejected"]

table = sa.Table(
    "workspace_reviews",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("person", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)


class Review(msgspec.Struct, frozen=True):
    """The last word on a proposed version, and whose it is."""

    version: int
    state: State
    person: str
    reason: str
    at_ms: int


def put(connection: Connection, workspace: str, review: Review) -> None:
    """Write it, in place of an earlier one."""
    values = msgspec.structs.asdict(review) | {"workspace": workspace}
    statement = upsert(table, connection.dialect.name).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "version"], set_=values))


def of(connection: Connection, workspace: str) -> Sequence[Review]:
    """Return a workspace's reviews, the newest version first."""
    columns = [table.c[name] for name in Review.__struct_fields__]
    query = sa.select(*columns).where(table.c.workspace == workspace).order_by(table.c.version.desc())
    return [Review(*row) for row in connection.execute(query)]
