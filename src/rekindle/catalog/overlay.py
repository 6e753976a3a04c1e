# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""States as a base and a patch: a change costs what it changes, not what the catalogue holds.

A patch holds exactly the rows that differ from its base, so a state that goes back to its base has none. When a patch
has grown to a share of its base, both become a new base.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from rekindle.catalog import _duck
from rekindle.catalog.ages import PRICE, STOCK
from rekindle.catalog.files import Files

SHARE: Final = 0.05
MOST: Final = 100_000
"""How many rows a patch may have, of its base's and at all: each change writes the whole patch again."""


class Steps:
    """What a change does to states; the table ``step`` names the items that differ, wherever it is asked for.

    Columns of ``step``: ``id``, ``gone``, fingerprints ``was`` and ``now`` (NULL: not there), ``place`` (where it was read),
    ``price`` and ``stock`` (whether they differ). Items that only moved in their file are in it too: ``was`` = ``now``.
    The tables ``before`` and ``fresh`` have their rows, and perhaps more.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, folder: Path, share: float = SHARE, most: int = MOST) -> None:
        self._engine, self._folder, self._share, self._most = engine, folder, share, most
        self._number = 0

    def room(self, items: int) -> int:
        """Return how many rows a patch over so many items may have."""
        return min(self._most, int(items * self._share))

    def narrow(self, old: Files, new: Path, items: int) -> Path | None:
        """Return a whole new state as what to put over the old one, or None where too much differs."""
        self._engine.execute(
            f"CREATE OR REPLACE TEMP TABLE apart AS SELECT coalesce(o.id, n.id) AS id, n.id IS NULL AS gone FROM "
            f"(SELECT id, print, {_PLACE} AS place FROM {_duck.printed(self._engine, old.base, old.patch)}) o FULL JOIN "
            f"(SELECT id, print, {_PLACE} AS place FROM {_duck.printed(self._engine, new)}) n ON o.id = n.id "
            "WHERE o.print IS DISTINCT FROM n.print OR o.place IS DISTINCT FROM n.place"
        )
        (apart,) = self._engine.execute("SELECT count(*) FROM apart").fetchone() or (0,)
        if apart > self.room(max(items, old.items)):
            return None
        return self.write(
            f"SELECT * EXCLUDE (print), FALSE AS gone FROM {_duck.parquet(new)} SEMI JOIN (SELECT id FROM apart) USING (id) "
            "UNION ALL BY NAME SELECT id, gone FROM apart WHERE gone"
        )

    def put_over(self, old: Files, fresh: Path) -> Files:
        """Return the state with the rows of ``fresh`` (a patch) in it, and make ``step`` of what that changes."""
        ids = "SELECT id FROM fresh"
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS FROM {_duck.parquet(fresh)}")
        known = _duck.printed(self._engine, old.base, old.patch)
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE before AS FROM {known} SEMI JOIN ({ids}) USING (id)")
        signs = f"id, print, {_PLACE} AS place, {_SIGNS}"
        self._engine.execute(
            "CREATE OR REPLACE TEMP TABLE step AS SELECT f.id, f.gone, w.print AS was, "
            "CASE WHEN NOT f.gone THEN f.print END AS now, f.place, coalesce(w.prices <> f.prices, TRUE) AS price, "
            f"coalesce(w.stocks <> f.stocks, TRUE) AS stock FROM (SELECT gone, {signs} FROM fresh) f "
            f"LEFT JOIN (SELECT {signs} FROM before) w ON w.id = f.id "
            "WHERE was IS DISTINCT FROM now OR (NOT f.gone AND w.place IS DISTINCT FROM f.place)"
        )
        count = "SELECT count(*), count(*) FILTER (was IS NULL) - count(*) FILTER (now IS NULL) FROM step"
        differing, more = self._engine.execute(count).fetchone() or (0, 0)
        if not differing:
            return old
        items = old.items + int(more)
        # What is again as in the base needs no row: neither an item that is the same, nor one that is in neither.
        self._engine.execute(
            f"CREATE OR REPLACE TEMP TABLE again AS SELECT s.id FROM step s LEFT JOIN (SELECT id, print, {_PLACE} AS place "
            f"FROM {_duck.printed(self._engine, old.base)} SEMI JOIN (SELECT id FROM step) USING (id)) b ON b.id = s.id "
            "WHERE CASE WHEN s.gone THEN b.id IS NULL ELSE b.print = s.now AND b.place = s.place END"
        )
        rows = f"SELECT * EXCLUDE (print) FROM {_duck.parquet(fresh)} SEMI JOIN (SELECT id FROM step) USING (id) ANTI JOIN (SELECT id FROM again) USING (id)"
        if old.patch is not None:
            rows += f" UNION ALL BY NAME SELECT * EXCLUDE (print) FROM {_duck.parquet(old.patch)} ANTI JOIN (SELECT id FROM step) USING (id)"
        patch = self.write(rows)
        (size,) = self._engine.execute(f"SELECT count(*) FROM {_duck.parquet(patch)}").fetchone() or (0,)
        if size == 0:
            return Files(old.base, None, items)
        if size <= self.room(items):
            return Files(old.base, patch, items)
        base = Files(old.base, patch)
        known = _duck.printed(self._engine, base.base, base.patch)
        return Files(self.write(f"SELECT * EXCLUDE (print) FROM {known}"), None, items)

    def write(self, query: str) -> Path:
        """Write items (`_duck.write_items`) to a file of their own."""
        self._number += 1
        target = self._folder / f"step-{self._number}.parquet"
        _duck.write_items(self._engine, query, target)
        return target


_PLACE: Final = f"hash({', '.join(_duck.PLACE)})"
_SIGNS: Final = f"hash({', '.join(PRICE)}) AS prices, hash({', '.join(STOCK)}) AS stocks"
