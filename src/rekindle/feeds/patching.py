"""What a catalogue's change means for items that were built before: which to make anew, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
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
    before: Items,
    changed: Path | None,
    target: Path,
) -> bool:
    """Write the items that differ from a full build's, ids sorted, and make the table ``rk_replaced`` of its own ones.

    ``before`` is the build to go on from, and ``changed`` holds the ids of products that changed since; without it all
    products are compared. Return False, and write nothing, where too many differ.
    """
    known = _sql.parquet(before.base)
    (total,) = connection.execute(f"SELECT count(*) FROM {known}").fetchone() or (0,)
    marks, rows = f"SELECT _id, _hash FROM {known}", f"SELECT * FROM {products}"
    if changed is not None:
        earlier = f" UNION SELECT _id FROM {_sql.parquet(before.patch)}" if before.patch is not None else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE rk_ids AS SELECT id AS _id FROM {_sql.parquet(changed)}{earlier}"
        )
        if connection.execute(f"SELECT count(*) > {MOST * total} FROM rk_ids").fetchone() == (True,):
            return False
        marks += " WHERE _id IN (SELECT _id FROM rk_ids)"
        rows += " WHERE id IN (SELECT _id FROM rk_ids)"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_new AS SELECT p.* FROM ({rows}) p "
        f"ANTI JOIN ({marks}) k ON p.id = k._id AND {fingerprint('p.')} = k._hash"
    )
    left = f"SELECT id FROM {products}"
    if changed is not None:
        # Of products that did not change nothing can be gone. What may be is looked for among those that were read.
        left += " WHERE id IN (SELECT _id FROM rk_ids)"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_gone AS SELECT _id FROM ({marks}) k ANTI JOIN ({left}) p ON p.id = k._id"
    )
    row = connection.execute("SELECT (SELECT count(*) FROM rk_new) + (SELECT count(*) FROM rk_gone)").fetchone()
    (differing,) = row or (0,)
    if differing > MOST * total:
        return False
    write_rows(
        connection,
        f"SELECT * FROM ({program.items('rk_new')}) UNION ALL BY NAME "
        f"SELECT _id, CAST({GONE} AS UTINYINT) AS _state FROM rk_gone ORDER BY _id",
        target,
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_replaced AS SELECT * FROM {known} "
        f"SEMI JOIN (SELECT _id FROM {_sql.parquet(target)}) USING (_id)"
    )
    return True


def edits_of(
    connection: duckdb.DuckDBPyConnection, channel: Channel, columns: Sequence[str], base: Path, patch: Path
) -> list[Edit]:
    """Return where in a full build's file the patch's items go, by id."""
    lines = (
        f"SELECT _id, coalesce(encode({line_of(channel, columns)}), ''::BLOB) AS line, _state = {GONE} AS gone, "
        f"{ends_block('_id')} AS ends FROM {_sql.parquet(patch)}"
    )
    places = f"SELECT _id, file_row_number AS place FROM read_parquet({_sql.text(str(base))}, file_row_number = true)"
    (total,) = connection.execute(f"SELECT count(*) FROM {_sql.parquet(base)}").fetchone() or (0,)
    rows = connection.execute(
        f"SELECT coalesce(k.place, {total}), coalesce(k._id = n._id, FALSE), n.line, n.gone, n.ends "
        f"FROM ({lines}) n ASOF LEFT JOIN ({places}) k ON n._id <= k._id ORDER BY n._id"
    )
    return [Edit(*row) for row in rows.fetchall()]
