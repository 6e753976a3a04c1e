"""Check rows without an installation: a feed in the channel's own format, or products from anywhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.channel import channel
from rekindle.feeds.checks import compile_checks
from rekindle.feeds.findings import Finding, collect
from rekindle.feeds.program import Program
from rekindle.feeds.spec import SEPARATOR
from rekindle.model.issue import Issue
from rekindle.model.product import Product

# The reader keeps buffers of twice the largest line for each thread; no attribute of a channel is longer than this.
_LARGEST = 4 << 20
_LONGEST = 20_000


class Report(msgspec.Struct, frozen=True):
    """What `rekindle feeds check` prints. ``errors`` counts all findings that block an item or limit it."""

    items: int
    errors: int
    warnings: int
    issues: list[Issue]


def check_rows(name: str, rows: Iterable[tuple[int, Mapping[str, str | list[str]]]], samples: int = 1000) -> Report:
    """Check rows whose keys are the channel's attributes; each comes with its number in the file.

    Raises `UnknownChannel`.
    """
    program = Program(channel(name), (), compile_checks(channel(name).spec))
    names = program.channel.spec.names
    with tempfile.TemporaryDirectory(prefix="feed-check-") as folder:
        path = Path(folder) / "rows.json"
        with path.open("wb") as out:
            for number, row in rows:
                values = {key: _text(value) for key, value in row.items() if key in names}
                out.write(msgspec.json.encode(values | {"_row": number}) + b"\n")
        columns = ", ".join(f"{_sql.text(column)}: 'VARCHAR'" for column in names)
        with _sql.connect(Path(folder)) as engine:
            read = (
                f"SELECT *, id AS _id, NULL::VARCHAR AS _file, NULL::UBIGINT AS _hash, NULL::INTEGER AS _rule FROM "
                f"read_json({_sql.text(str(path))}, format = 'newline_delimited', "
                f"columns = {{{columns}, '_row': 'BIGINT'}}, maximum_object_size = {_LARGEST})"
            )
            return _report(engine, program, program.cleaned(read), samples)


def check_products(name: str, products: Iterable[tuple[int, Product]], samples: int = 1000) -> Report:
    """Check products as the channel's mapping would publish them, without rules. Raises `UnknownChannel`."""
    program = Program(channel(name), (), compile_checks(channel(name).spec))
    with tempfile.TemporaryDirectory(prefix="feed-check-") as folder:
        path = Path(folder) / "products.json"
        with path.open("wb") as out:
            for number, product in products:
                out.write(msgspec.json.encode({**msgspec.to_builtins(product), "row": number}) + b"\n")
        with _sql.connect(Path(folder)) as engine:
            return _report(engine, program, program.before_checks(f"({products_from_json(path)})"), samples)


def products_from_json(path: Path) -> str:
    """Return the query that reads JSON Lines of `Product` (with ``row`` and ``source``) as a snapshot's columns."""
    special = {
        "price": "DECIMAL(18,4)", "sale_price": "DECIMAL(18,4)", "sale_start_ms": "BIGINT", "sale_end_ms": "BIGINT",
        "quantity": "BIGINT", "additional_image_links": "VARCHAR[]", "custom_labels": "VARCHAR[]",
        "attributes": "MAP(VARCHAR, VARCHAR)",
    }  # fmt: skip
    kinds = {field.name: special.get(field.name, "VARCHAR") for field in msgspec.structs.fields(Product)}
    columns = ", ".join(f"{_sql.text(key)}: {_sql.text(kind)}" for key, kind in kinds.items())
    return (
        f"SELECT * FROM read_json({_sql.text(str(path))}, format = 'newline_delimited', "
        f"columns = {{{columns}, 'row': 'BIGINT', 'source': 'VARCHAR'}}, maximum_object_size = {_LARGEST})"
    )


def _text(value: str | list[str]) -> str:
    joined = value if isinstance(value, str) else SEPARATOR.join(value)
    return joined[:_LONGEST]


def _report(engine: duckdb.DuckDBPyConnection, program: Program, before: str, samples: int) -> Report:
    engine.execute(f"CREATE TEMP TABLE rk_before AS {before}")
    engine.execute(f"CREATE TEMP TABLE rk_faulted AS {program.faulted('SELECT * FROM rk_before')}")
    found = collect(engine, program.checks, "SELECT * FROM rk_faulted", lambda _ids: "SELECT * FROM rk_before", samples)
    repeated = _repeated(engine, samples)
    if repeated is not None:
        found.insert(0, repeated)
    row = engine.execute("SELECT count(*) FROM rk_before").fetchone()
    errors = sum(finding.count for finding in found if finding.severity != "warning")
    warnings = sum(finding.count for finding in found if finding.severity == "warning")
    issues = [issue for finding in found for issue in finding.issues]
    issues.sort(key=lambda issue: (issue.row or 0, issue.attribute, issue.code))
    return Report(int(row[0]) if row else 0, errors, warnings, issues)


def _repeated(engine: duckdb.DuckDBPyConnection, samples: int) -> Finding | None:
    numbered = (
        "SELECT id, _row, row_number() OVER (PARTITION BY id ORDER BY _row) AS n FROM rk_before WHERE id IS NOT NULL"
    )
    row = engine.execute(f"SELECT count(*) FROM ({numbered}) WHERE n > 1").fetchone()
    count = int(row[0]) if row else 0
    if not count:
        return None
    remedy = "An id names one item; a platform keeps one of these at random. Give each its own id."
    rows = engine.execute(f"SELECT _row, id FROM ({numbered}) WHERE n > 1 ORDER BY _row LIMIT {samples}").fetchall()
    issues = [Issue(number, identity, "id", "duplicate-id", "block", identity, remedy) for number, identity in rows]
    return Finding("duplicate-id", "id", "block", remedy, count, issues)
