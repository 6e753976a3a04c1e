"""What the checks found in a relation: all of it counted, a bounded part of it listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.checks import WORD, Check, bit
from rekindle.feeds.spec import SEPARATOR
from rekindle.model.issue import Issue, shorten

SAMPLES = 1000
"""Issues that are kept of each finding."""


class Finding(msgspec.Struct, frozen=True):
    """One check that found something: how often, and the first of its issues by id."""

    code: str
    attribute: str
    severity: Literal["block", "limit", "warning"]
    remedy: str
    count: int
    issues: Sequence[Issue] = ()


def collect(
    connection: duckdb.DuckDBPyConnection,
    checks: Sequence[Check],
    faulted: str,
    before: Callable[[str], str],
    samples: int = SAMPLES,
    moved: bool = False,
) -> list[Finding]:
    """Return findings in the order of ``checks``.

    ``faulted`` is a relation with ``_id``, ``_row`` and the masks; ``before`` makes one with ``_id``, ``_row`` and the values
    as the checks saw them, of the items whose ids are in the relation that it is given. ``moved``: only the latter knows
    where items were read, and ids are unique.
    """
    counts = _counts(connection, checks, faulted)
    hit = [index for index, count in enumerate(counts) if count]
    if not hit:
        return []
    connection.execute("CREATE OR REPLACE TEMP TABLE rk_sample (_check INTEGER, _id VARCHAR, _row BIGINT)")
    row, order = ("NULL", "") if moved else ("_row", ", _row")
    for index in hit:
        connection.execute(
            f"INSERT INTO rk_sample SELECT {index}, _id, {row} FROM ({faulted}) WHERE {bit(index)} "
            f"ORDER BY _id NULLS FIRST{order} LIMIT {samples}"
        )
    issues = _issues(connection, checks, hit, before, moved)
    return [
        Finding(check.code, check.attribute, check.severity, check.remedy, counts[index], issues[index])
        for index, check in enumerate(checks)
        if index in issues
    ]


def _counts(connection: duckdb.DuckDBPyConnection, checks: Sequence[Check], faulted: str) -> list[int]:
    # Few of the masks' values differ, and so a check costs nothing here.
    words = range((len(checks) + WORD - 1) // WORD)
    names = "".join(f", _f{word}" for word in words)
    counts = [0] * len(checks)
    for count, *masks in connection.execute(f"SELECT count(*){names} FROM ({faulted}) GROUP BY ALL").fetchall():
        for index in range(len(checks)):
            if masks[index // WORD] >> index % WORD & 1:
                counts[index] += int(count)
    return counts


def _issues(
    connection: duckdb.DuckDBPyConnection,
    checks: Sequence[Check],
    hit: Sequence[int],
    before: Callable[[str], str],
    moved: bool,
) -> dict[int, list[Issue]]:
    # One read of the values for all samples; each issue then takes the attribute that it is about.
    wanted = list(dict.fromkeys(checks[index].attribute for index in hit))
    values = ", ".join(f"left(any_value({_sql.name(name)}), 201) AS {_sql.name(name)}" for name in wanted)
    keys = "SELECT DISTINCT _id, _row FROM rk_sample"
    where = {"k": "v._id IS NOT DISTINCT FROM k._id", "s": "v._id IS NOT DISTINCT FROM s._id"}
    if not moved:
        where = {name: f"{same} AND v._row IS NOT DISTINCT FROM {name}._row" for name, same in where.items()}
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_values AS SELECT v._id, v._row, {values} "
        f"FROM ({before('SELECT _id FROM rk_sample')}) v JOIN ({keys}) k ON {where['k']} GROUP BY v._id, v._row"
    )
    found: dict[int, list[Issue]] = {}
    for index in hit:
        check = checks[index]
        rows = connection.execute(
            f"SELECT v._row, s._id, v.{_sql.name(check.attribute)} FROM rk_sample s JOIN rk_values v "
            f"ON {where['s']} WHERE s._check = {index} ORDER BY s._id NULLS FIRST, v._row"
        ).fetchall()
        found[index] = [
            Issue(
                row, identity or "", check.attribute, check.code, check.severity,
                shorten((value or "").replace(SEPARATOR, ", ")), check.remedy,
            )
            for row, identity, value in rows
        ]  # fmt: skip
    return found
