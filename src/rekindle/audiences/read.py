"""Read models: how large the audiences are, who is in them, who came and went and why."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from rekindle.audiences._tables import changes as changes_table
from rekindle.audiences._tables import members as members_table
from rekindle.audiences._tables import rules
from rekindle.engines.database import Database


class Member(msgspec.Struct, frozen=True):
    """One visitor in an audience, by pseudonym; ``since_ms`` is the entry."""

    subject: str
    since_ms: int


class Membership(msgspec.Struct, frozen=True):
    """One audience a visitor is in."""

    audience: str
    since_ms: int


class Change(msgspec.Struct, frozen=True):
    """One entry or exit; ``reason`` is one of `rekindle.audiences.rules.Why`. ``id`` grows with every change."""

    id: int
    audience: str
    subject: str
    at_ms: int
    entered: bool
    reason: str


def sizes(database: Database, workspace: str) -> dict[str, int]:
    """Return how many visitors are in each of the workspace's audiences, empty ones included."""
    counted = (
        sa.select(members_table.c.audience, sa.func.count())
        .where(members_table.c.workspace == workspace)
        .group_by(members_table.c.audience)
    )
    known = sa.select(rules.c.audience).where(rules.c.workspace == workspace).order_by(rules.c.audience)
    with database.read() as connection:
        found = dict.fromkeys(connection.execute(known).scalars(), 0)
        found.update((row[0], row[1]) for row in connection.execute(counted))
    return found


def members(database: Database, workspace: str, audience: str, limit: int = 100, after: str = "") -> list[Member]:
    """Return up to ``limit`` members by pseudonym, behind ``after`` (the last one of the page before)."""
    query = (
        sa.select(members_table.c.subject, members_table.c.since_ms)
        .where(
            members_table.c.workspace == workspace,
            members_table.c.audience == audience,
            members_table.c.subject > after,
        )
        .order_by(members_table.c.subject)
        .limit(limit)
    )
    with database.read() as connection:
        return [Member(*row) for row in connection.execute(query)]


def changes(
    database: Database, workspace: str, audience: str | None = None, limit: int = 100, after: int = 0
) -> list[Change]:
    """Return up to ``limit`` changes in their order, behind the change ``after``."""
    query = _changes(workspace).where(changes_table.c.id > after).order_by(changes_table.c.id).limit(limit)
    if audience is not None:
        query = query.where(changes_table.c.audience == audience)
    with database.read() as connection:
        return [_change(row) for row in connection.execute(query)]


def latest_changes(database: Database, workspace: str, audience: str, limit: int = 50) -> list[Change]:
    """Return the newest changes of an audience, newest first."""
    query = (
        _changes(workspace).where(changes_table.c.audience == audience).order_by(changes_table.c.id.desc()).limit(limit)
    )
    with database.read() as connection:
        return [_change(row) for row in connection.execute(query)]


def of(database: Database, workspace: str, subject: str) -> list[Membership]:
    """Return the audiences a visitor is in, by name."""
    query = (
        sa.select(members_table.c.audience, members_table.c.since_ms)
        .where(members_table.c.workspace == workspace, members_table.c.subject == subject)
        .order_by(members_table.c.audience)
    )
    with database.read() as connection:
        return [Membership(*row) for row in connection.execute(query)]


def _changes(workspace: str) -> sa.Select[Any]:
    return sa.select(
        changes_table.c.id,
        changes_table.c.audience,
        changes_table.c.subject,
        changes_table.c.at_ms,
        changes_table.c.entered,
        changes_table.c.reason,
    ).where(changes_table.c.workspace == workspace)


def _change(row: sa.Row[Any]) -> Change:
    return Change(row.id, row.audience, row.subject, row.at_ms, row.entered, row.reason)
