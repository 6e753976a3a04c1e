"""What a catalogue's change means for items that were built before: which to make anew, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import duckdb

from rekindle.feeds import _sql
from rekindle.feeds.channel import Channel
from rekindle.feeds.items import Items
from rekindle.feeds.layout import ends_block
from rekindle.feeds.program import GONE, Program, fingerprint
from rekindle.feeds.splicing import Edit
from rekindle.feeds.writing import line_of, write_rows

MOST = 0.2
"""Share of the items that may differ from the last full build; beyond, a full build costs about as much."""


def write_patch(
    connection: duckdb.DuckDBPyConnection,
    program: Program,
    products: str,
    some: Callable[[str], str],
    before: Items,
    changed: Path | None,
    target: Path,
) -> bool:
    """Write the items that differ from a full build's, ids sorted, and make the tables of what differs from ``before``.

    ``products`` is a relation, and ``some`` returns those of it whose ids are in a query.

    ``rk_touched`` has the ids (``_id``), ``rk_was`` the items of ``before`` and ``rk_is`` the new ones. ``changed`` holds the
    ids of products that changed since; without it all products are compared. Return False, and write nothing, where too
    many differ from the full build.
    """
    base = _sql.parquet(before.base)
    (total,) = connection.execute(f"SELECT count(*) FROM {base}").fetchone() or (0,)
    marks, rows = before.table("_id, _hash"), f"SELECT * FROM {products}"
    if changed is not None:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE rk_ids AS SELECT id AS _id FROM {_sql.parquet(changed)}")
        if connection.execute(f"SELECT count(*) > {MOST * total} FROM rk_ids").fetchone() == (True,):
            return False
        # Of products that did not change nothing can be gone. What may be is looked for among those that were read.
        marks, rows = before.some("rk_ids", "_id, _hash"), some("SELECT _id FROM rk_ids")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rk_marks AS {marks}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_new AS SELECT p.* FROM ({rows}) p "
        f"ANTI JOIN rk_marks k ON p.id = k._id AND {fingerprint('p.')} = k._hash"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE rk_touched AS SELECT id AS _id FROM rk_new "
        f"UNION SELECT _id FROM rk_marks k ANTI JOIN ({rows}) p ON p.id = k._id"
    )
    earlier = f"(FROM {_sql.parquet(before.patch)} ANTI JOIN rk_touched USING (_id))" if before.patch else None
    differing = "(SELECT count(*) FROM rk_touched)" + (f" + (SELECT count(*) FROM {earlier})" if earlier else "")
    if connection.execute(f"SELECT {differing} > {MOST * total}").fetchone() == (True,):
        return False
    _places(connection, base, before.base, total)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rk_is AS {program.items('rk_new')}")
    # What is again as in the full build needs no row, nor one that it never had and that is gone.
    fresh = (
        "SELECT i.*, k.place AS _place, k.hash IS NOT NULL AS _over FROM rk_is i JOIN rk_places k USING (_id) "
        f"WHERE k.hash IS DISTINCT FROM i._hash UNION ALL BY NAME SELECT _id, CAST({GONE} AS UTINYINT) AS _state, "
        "place AS _place, TRUE AS _over FROM rk_places ANTI JOIN rk_is USING (_id) WHERE hash IS NOT NULL"
    )
    write_rows(connection, f"{fresh}{f' UNION ALL BY NAME FROM {earlier}' if earlier else ''} ORDER BY _id", target)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rk_was AS {before.some('rk_touched')}")
    return True


def _places(connection: duckdb.DuckDBPyConnection, base: str, path: Path, total: int) -> None:
    """Make ``rk_places``: of each touched id its place in the full build's items, and its fingerprint there or NULL.

    An item that came since has the place of the next one that was there, or that behind them all.
    """
    first, last = connection.execute("SELECT min(_id), max(_id) FROM rk_touched").fetchone() or (None, None)
    within = "FALSE"
    if first is not None:
        within = f"_id >= {_sql.text(first)}"
        # Most often it is there, and then nothing behind it is asked for.
        if connection.execute(f"SELECT count(*) FROM {base} WHERE _id = {_sql.text(last)}").fetchone() != (0,):
            within += f" AND _id <= {_sql.text(last)}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_places AS SELECT t._id, coalesce(k.place, {total}) AS place, "
        "CASE WHEN k._id = t._id THEN k._hash END AS hash FROM rk_touched t ASOF LEFT JOIN "
        "(SELECT _id, _hash, file_row_number AS place FROM "
        f"read_parquet({_sql.text(str(path))}, file_row_number = true) WHERE {within}) k ON t._id <= k._id"
    )


def edits_of(
    connection: duckdb.DuckDBPyConnection, channel: Channel, columns: Sequence[str], items: Items
) -> list[Edit]:
    """Return what stands now at each place of the full build's items that `write_patch` touched, by place."""
    wanted = [a.name for a in channel.spec.attribute]
    names = ", ".join(map(_sql.name, wanted))
    patch = _sql.parquet(items.patch or items.base)
    rows = f"SELECT _place, _id, _state, {names} FROM {patch} WHERE _place IN (SELECT place FROM rk_places)"
    # A place whose own item is as it was, because only items before it came or went, or it is again as it was.
    own = f"SELECT place FROM rk_places EXCEPT SELECT _place FROM {patch} WHERE _over"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rk_own AS {own}")
    if connection.execute("SELECT count(*) FROM rk_own").fetchone() != (0,):
        rows += (
            f" UNION ALL BY NAME SELECT file_row_number AS _place, _id, _state, {names} FROM "
            f"read_parquet({_sql.text(str(items.base))}, file_row_number = true) "
            "WHERE file_row_number IN (SELECT place FROM rk_own)"
        )
    lines = connection.execute(
        f"SELECT k.place, coalesce(encode({line_of(channel, columns)}), ''::BLOB), coalesce({ends_block('_id')}, FALSE) "
        f"FROM (SELECT DISTINCT place FROM rk_places) k LEFT JOIN ({rows}) i ON i._place = k.place ORDER BY k.place, i._id"
    ).fetchall()
    return [
        Edit(place, [(line, ends) for _, line, ends in group])
        for place, group in groupby(lines, key=lambda row: int(row[0]))
    ]
