"""What the checks found in a relation: all of it counted, a bounded part of it listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.checks import Check, bit
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
) -> list[Finding]:
    """Return findings in the order of ``checks``.

    ``faulted`` is a relation with ``_id``, ``_row`` and the masks; ``before`` makes one with ``_id`` and the values as the
    checks saw them, of the items whose ids are in the relation that it is given.
    """
    counts = _counts(connection, checks, faulted)
    hit = [index for index, count in enumerate(counts) if count]
    if not hit:
        return []
    connection.execute("CREATE OR REPLACE TEMP TABLE rk_sample (_check INTEGER, _id VARCHAR, _row BIGINT)")
    for index in hit:
        connection.execute(
            f"INSERT INTO rk_sample SELECT {index}, _id, _row FROM ({faulted}) WHERE {bit(index)} "
            f"ORDER BY _id NULLS FIRST, _row LIMIT {samples}"
        )
    issues = _issues(connection, checks, hit, before)
    return [
        Finding(check.code, check.attribute, check.severity, check.remedy, counts[index], issues[index])
        for index, check in enumerate(checks)
        if index in issues
    ]


def _counts(connection: duckdb.DuckDBPyConnection, checks: Sequence[Check], faulted: str) -> list[int]:
    counted = ", ".join(f"count_if{bit(index)}" for index in range(len(checks)))
    row = connection.execute(f"SELECT {counted} FROM ({faulted})").fetchone()
    return [int(count or 0) for count in row or ()]  # of no items at all DuckDB counts NULL


def _issues(
    connection: duckdb.DuckDBPyConnection, checks: Sequence[Check], hit: Sequence[int], before: Callable[[str], str]
) -> dict[int, list[Issue]]:
    # One read of the values for all samples; each issue then takes the attribute that it is about.
    wanted = list(dict.fromkeys(checks[index].attribute for index in hit))
    values = ", ".join(f"left(any_value({_sql.name(name)}), 201) AS {_sql.name(name)}" for name in wanted)
    keys = "SELECT DISTINCT _id, _row FROM rk_sample"
    same = "v._id IS NOT DISTINCT FROM k._id AND v._row IS NOT DISTINCT FROM k._row"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rk_values AS SELECT k._id, k._row, {values} "
        f"FROM ({before('SELECT _id FROM rk_sample')}) v JOIN ({keys}) k ON {same} GROUP BY k._id, k._row"
    )
    found: dict[int, list[Issue]] = {}
    for index in hit:
        check = checks[index]
        rows = connection.execute(
            f"SELECT s._row, s._id, v.{_sql.name(check.attribute)} FROM rk_sample s JOIN rk_values v "
            "ON v._id IS NOT DISTINCT FROM s._id AND v._row IS NOT DISTINCT FROM s._row "
            f"WHERE s._check = {index} ORDER BY s._id NULLS FIRST, s._row"
        ).fetchall()
        found[index] = [
            Issue(
                row, identity or "", check.attribute, check.code, check.severity,
                shorten((value or "").replace(SEPARATOR, ", ")), check.remedy,
            )
            for row, identity, value in rows
        ]  # fmt: skip
    return found
