"""Which items the same visitors look at in one sitting, and which are looked at most.

Symmetric co-occurrence over the last few items of a session, decayed by position and by age, was the best of the
simple methods on four public data sets; a session ends after 30 minutes without a view (Coveo, SIGIR eCom 2021).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.log.view import Noted
from rekindle.model.behaviour import ItemAct, item_acts
from rekindle.model.record import Record, Stored
from rekindle.profiles import _heat
from rekindle.profiles._tables import co_views, popular, touches

SESSION_GAP_MS = 30 * 60_000
LOOK_BACK = 5
POSITION_DECAY = 0.8
TOP = 50

_Sitting = dict[str, int]


class CoViewing:
    """The part of the view that keeps `profile_co_views` and `profile_popular`.

    It reads `profile_touches` as they were before the batch, so in a view it stands before `Touches`.
    """

    def prepare(self, records: Sequence[Record]) -> None:
        """Need nothing from elsewhere."""

    def apply(self, connection: Connection, batch: Sequence[Noted]) -> None:
        views = [
            (record.workspace, record.subject, act)
            for record, duplicate in batch
            if isinstance(record, Stored) and not duplicate
            for act in item_acts(record)
            if act.act == "view"
        ]
        if not views:
            return
        sittings = _sittings(connection, views)
        looked: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
        together: dict[tuple[str, str, str], list[tuple[float, int]]] = defaultdict(list)
        for workspace, subject, (_, item_id, at_ms) in views:
            sitting = sittings[workspace, subject]
            before = _session(sitting, at_ms)
            sitting[item_id] = max(at_ms, sitting.get(item_id, at_ms))
            if item_id in before:
                continue  # looking again in the same sitting says nothing new
            looked[workspace, item_id].append((1.0, at_ms))
            for position, other in enumerate(before[:LOOK_BACK]):
                weight = POSITION_DECAY**position
                together[workspace, item_id, other].append((weight, at_ms))
                together[workspace, other, item_id].append((weight, at_ms))
        _warm_popular(connection, looked)
        _warm_pairs(connection, together)

    def clear(self, connection: Connection) -> None:
        connection.execute(co_views.delete())
        connection.execute(popular.delete())


class Related:
    """Reads both tables; keeps `rekindle.model.ports.CoViews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def related(self, workspace: str, item_ids: Sequence[str], limit: int) -> Sequence[str]:
        """Return items seen with ``item_ids`` (most telling first), best first, without ``item_ids`` themselves."""
        weights = {item_id: POSITION_DECAY**place for place, item_id in enumerate(dict.fromkeys(item_ids))}
        if not weights:
            return []
        query = sa.select(co_views.c.item_id, co_views.c.other_id, co_views.c.heat).where(
            co_views.c.workspace == workspace, co_views.c.item_id.in_(list(weights))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        hottest = max((row.heat for row in rows), default=0.0)
        scores: dict[str, float] = defaultdict(float)
        for row in rows:
            if row.other_id not in weights:
                scores[row.other_id] += weights[row.item_id] * float(2.0 ** (row.heat - hottest))
        return sorted(scores, key=lambda item_id: (-scores[item_id], item_id))[:limit]

    def popular(self, workspace: str, limit: int) -> Sequence[str]:
        """Return the items most visitors looked at lately, best first."""
        query = (
            sa.select(popular.c.item_id)
            .where(popular.c.workspace == workspace)
            .order_by(popular.c.heat.desc(), popular.c.item_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())


def trim(connection: Connection, now_ms: int) -> int:
    """Drop what has decayed to next to nothing; return how many rows."""
    cold = co_views.delete().where(co_views.c.heat < _heat.floor(now_ms, _heat.CO_VIEW_HALF_LIFE_MS))
    stale = popular.delete().where(popular.c.heat < _heat.floor(now_ms, _heat.POPULAR_HALF_LIFE_MS))
    return connection.execute(cold).rowcount + connection.execute(stale).rowcount


def _sittings(
    connection: Connection, views: Sequence[tuple[str, str, ItemAct]]
) -> defaultdict[tuple[str, str], _Sitting]:
    subjects: dict[str, set[str]] = defaultdict(set)
    for workspace, subject, _ in views:
        subjects[workspace].add(subject)
    oldest_ms = min(act.at_ms for _, _, act in views) - (LOOK_BACK + 1) * SESSION_GAP_MS
    found: defaultdict[tuple[str, str], _Sitting] = defaultdict(dict)
    for workspace, names in subjects.items():
        rows = connection.execute(
            sa.select(touches.c.subject, touches.c.item_id, touches.c.at_ms).where(
                touches.c.workspace == workspace,
                touches.c.subject.in_(sorted(names)),
                touches.c.act == "view",
                touches.c.at_ms >= oldest_ms,
            )
        )
        for row in rows:
            found[workspace, row.subject][row.item_id] = row.at_ms
    return found


def _session(sitting: _Sitting, at_ms: int) -> list[str]:
    """Return the items looked at before ``at_ms`` without a pause longer than a session's, newest first."""
    items: list[str] = []
    reach = at_ms
    for item_id, seen_ms in sorted(sitting.items(), key=lambda pair: (-pair[1], pair[0])):
        if seen_ms > at_ms:
            continue
        if reach - seen_ms > SESSION_GAP_MS:
            break
        items.append(item_id)
        reach = seen_ms
    return items


def _warm_popular(connection: Connection, looked: dict[tuple[str, str], list[tuple[float, int]]]) -> None:
    heats: dict[tuple[str, str], float] = {}
    for workspace in sorted({workspace for workspace, _ in looked}):
        ids = sorted(item_id for where, item_id in looked if where == workspace)
        rows = connection.execute(
            sa.select(popular.c.item_id, popular.c.heat)
            .where(popular.c.workspace == workspace, popular.c.item_id.in_(ids))
            .order_by(popular.c.item_id)
            .with_for_update()
        )
        heats |= {(workspace, row.item_id): row.heat for row in rows}
    rows_out = []
    for (workspace, item_id), additions in sorted(looked.items()):
        heat = heats.get((workspace, item_id))
        for weight, at_ms in additions:
            heat = _heat.add(heat, weight, at_ms, _heat.POPULAR_HALF_LIFE_MS)
        rows_out.append({"workspace": workspace, "item_id": item_id, "heat": heat})
    if rows_out:
        statement = upsert(popular, connection.dialect.name)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(popular.primary_key), set_={"heat": statement.excluded.heat}
            ),
            rows_out,
        )


def _warm_pairs(connection: Connection, together: dict[tuple[str, str, str], list[tuple[float, int]]]) -> None:
    if not together:
        return
    kept: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for workspace in sorted({workspace for workspace, _, _ in together}):
        ids = sorted({item_id for where, item_id, _ in together if where == workspace})
        rows = connection.execute(
            sa.select(co_views.c.item_id, co_views.c.other_id, co_views.c.heat)
            .where(co_views.c.workspace == workspace, co_views.c.item_id.in_(ids))
            .order_by(co_views.c.item_id, co_views.c.other_id)
            .with_for_update()
        )
        for row in rows:
            kept[workspace, row.item_id][row.other_id] = row.heat
    changed = []
    for (workspace, item_id, other_id), additions in sorted(together.items()):
        heat = kept[workspace, item_id].get(other_id)
        for weight, at_ms in additions:
            heat = _heat.add(heat, weight, at_ms, _heat.CO_VIEW_HALF_LIFE_MS)
        assert heat is not None
        kept[workspace, item_id][other_id] = heat
        changed.append({"workspace": workspace, "item_id": item_id, "other_id": other_id, "heat": heat})
    statement = upsert(co_views, connection.dialect.name)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(co_views.primary_key), set_={"heat": statement.excluded.heat}
        ),
        changed,
    )
    _bound(connection, kept)


def _bound(connection: Connection, kept: dict[tuple[str, str], dict[str, float]]) -> None:
    # Cutting only at twice the bound leaves newcomers room to warm up before they are compared.
    surplus = [
        {"w": workspace, "i": item_id, "o": other_id}
        for (workspace, item_id), heats in kept.items()
        if len(heats) > 2 * TOP
        for other_id in sorted(heats, key=lambda other: (-heats[other], other))[TOP:]
    ]
    if surplus:
        connection.execute(
            co_views.delete().where(
                co_views.c.workspace == sa.bindparam("w"),
                co_views.c.item_id == sa.bindparam("i"),
                co_views.c.other_id == sa.bindparam("o"),
            ),
            surplus,
        )
