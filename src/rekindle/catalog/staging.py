# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""Turn a stream of items into Parquet: sorted by id, ids unique, and the parts of several sources merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from rekindle.catalog import _duck
from rekindle.catalog.report import KEPT_PER_CODE, Report
from rekindle.catalog.row import Item
from rekindle.model.product import Product

_BATCH = 2000
LARGEST: Final = 16 << 20
Progress = Callable[[int], None]
"""Called with the number of items read so far."""

_PRICE: Final = ("price", "sale_price", "sale_start_ms", "sale_end_ms", "currency")
_STOCK: Final = ("availability", "quantity")
_LISTS: Final = ("additional_image_links", "custom_labels")


class _Staged(msgspec.Struct):
    n: int
    row: int
    o: str
    p: Product


def stage(items: Iterable[Item], source: str, folder: Path, report: Report, progress: Progress | None = None) -> Path:
    """Write the items of one source to a Parquet file in ``folder`` and return it.

    The first item of an id counts; every further one is reported with its row. Memory does not grow with the items.
    """
    lines, target = folder / "items.jsonl", folder / "source.parquet"
    write_lines(items, lines, report, progress)
    with _duck.connect(folder) as engine:
        load(engine, lines)
        finish(engine, "staged", source, report, target)
    return target


def load(engine: duckdb.DuckDBPyConnection, lines: Path) -> None:
    """Make the table ``staged`` of what `write_lines` wrote: ``n``, ``row``, ``origin``, and a product's columns."""
    inner = ", ".join(f"{name} {kind}" for name, kind in _duck.COLUMNS.items())
    columns = ", ".join(_filled(name) for name in _duck.COLUMNS)
    engine.execute(
        f"CREATE TABLE staged AS SELECT n, row, o AS origin, {columns} FROM read_json({_duck.text(lines)}, "
        f"format='newline_delimited', maximum_object_size={LARGEST}, "
        f"columns={{n: 'BIGINT', row: 'BIGINT', o: 'VARCHAR', p: 'STRUCT({inner})'}})"
    )
    lines.unlink()


def finish(
    engine: duckdb.DuckDBPyConnection, items: str, source: str, report: Report, target: Path, ids: str | None = None
) -> None:
    """Write the items of a relation (columns as ``staged``) to ``target``, without those whose id was there before.

    ``ids`` is a relation of their ``n``, ``row`` and ``id``, where that is cheaper to read.
    """
    ids = ids or items
    engine.execute(f"CREATE TABLE several AS SELECT id FROM {ids} GROUP BY id HAVING count(*) > 1")
    engine.execute(
        "CREATE TABLE repeated AS SELECT n, row, id, before FROM (SELECT n, row, id, row_number() OVER of_id AS place, "
        f"min(row) OVER (PARTITION BY id) AS before FROM {ids} SEMI JOIN several USING (id) "
        "WINDOW of_id AS (PARTITION BY id ORDER BY n)) WHERE place > 1"
    )
    _report_repeated(engine, report)
    _duck.write_items(engine, in_source(f"FROM {items} ANTI JOIN repeated USING (n)", source), target)


def in_source(items: str, source: str) -> str:
    """Return a query for the items of another one as a part has them."""
    return f"SELECT {', '.join(_duck.COLUMNS)}, {_duck.text(source)} AS source, row, origin FROM ({items})"


def write_lines(items: Iterable[Item], lines: Path, report: Report, progress: Progress | None) -> None:
    """Write items as the table engine reads them (`load`)."""
    encoder = msgspec.json.Encoder()
    batch: list[_Staged] = []
    with lines.open("wb") as out:
        number = 0
        for number, item in enumerate(items, 1):
            product = item.product
            if product.attributes:
                product.attributes = dict(sorted(product.attributes.items()))
            batch.append(_Staged(number, item.row, item.origin, product))
            if len(batch) >= _BATCH:
                _flush(batch, out.write, encoder, report)
                if progress:
                    progress(number)
        _flush(batch, out.write, encoder, report)
        if progress:
            progress(number)


def _flush(batch: list[_Staged], write: Callable[[bytes], int], encoder: msgspec.json.Encoder, report: Report) -> None:
    try:
        block = encoder.encode_lines(batch)
    except UnicodeEncodeError:
        block = None
    if block is not None and len(block) < LARGEST:
        write(block)
    else:
        for staged in batch:
            _write_one(staged, write, encoder, report)
    batch.clear()


def _write_one(staged: _Staged, write: Callable[[bytes], int], encoder: msgspec.json.Encoder, report: Report) -> None:
    try:
        line = encoder.encode_lines([staged])
    except UnicodeEncodeError:
        remedy = "the text is no Unicode (half a surrogate pair); the item was left out"
        report.add("text-broken", remedy, severity="error", row=staged.row)
        return
    if len(line) >= LARGEST:
        remedy = f"keep an item below {LARGEST >> 20} MiB; it was left out"
        report.add("item-too-large", remedy, severity="error", row=staged.row, value=f"{len(line)} bytes")
        return
    write(line)


def _is_text(name: str) -> bool:
    return name != "id" and _duck.COLUMNS[name] == "VARCHAR"


def _filled(name: str) -> str:
    if name == "title":
        return f"coalesce({_duck.clean('p.title')}, '') AS title"
    if name in _LISTS:
        return f"coalesce(list_transform(p.{name}, lambda v: {_duck.clean('v')}), []) AS {name}"
    if name == "attributes":
        entry = f"{{k: e.key, v: {_duck.clean('e.value')}}}"
        return f"coalesce(map_from_entries(list_transform(map_entries(p.attributes), lambda e: {entry})), MAP {{}}) AS attributes"
    # The id is as the page sends it, byte for byte.
    return f"{_duck.clean(f'p.{name}')} AS {name}" if _is_text(name) else f"p.{name} AS {name}"


def _report_repeated(engine: duckdb.DuckDBPyConnection, report: Report) -> None:
    (total,) = engine.execute("SELECT count(*) FROM repeated").fetchone() or (0,)
    if not total:
        return
    found = engine.execute(f"SELECT row, id, before FROM repeated ORDER BY n LIMIT {KEPT_PER_CODE}").fetchall()
    for row, identity, before in found:
        remedy = "give every item an id of its own; the first one counts"
        report.add(
            "duplicate-id", remedy, severity="error", row=row, id=identity, attribute="id", value=f"as row {before}"
        )
    for _ in range(total - len(found)):
        report.add("duplicate-id", "", severity="error")


def merge(parts: list[tuple[str, bool]], folder: Path) -> Path:
    """Merge several sources by id into a Parquet file; ``parts`` are (relation, only a supplement).

    An item is in the result when it is in a part that is no supplement. Each field comes from the first part that has
    it; price, sale, its dates and currency stay together, so do availability and quantity. Single attributes are
    merged the same way. ``source`` and ``row`` are those of the first part.
    """
    ordered = [table for table, supplement in parts if not supplement]
    base, *rest = [(table, False) for table in ordered] + [(table, True) for table, supplement in parts if supplement]
    with _duck.connect(folder) as engine:
        engine.execute(f"CREATE TABLE merged0 AS SELECT {_ALL} FROM {base[0]}")
        for place, (table, supplement) in enumerate(rest, 1):
            columns = ", ".join([*(_either(name) for name in _duck.COLUMNS), *(_place(name) for name in _duck.PLACE)])
            join = "LEFT" if supplement else "FULL"
            engine.execute(
                f"CREATE TABLE merged{place} AS SELECT {columns} FROM merged{place - 1} a "
                f"{join} JOIN {table} b ON a.id = b.id"
            )
            engine.execute(f"DROP TABLE merged{place - 1}")
        target = folder / "merged.parquet"
        _duck.write_items(engine, f"FROM merged{len(rest)}", target)
    return target


_ALL: Final = ", ".join((*_duck.COLUMNS, *_duck.PLACE))


def _either(name: str) -> str:
    if name in _PRICE:
        return f"CASE WHEN a.price IS NOT NULL THEN a.{name} ELSE b.{name} END AS {name}"
    if name in _STOCK:
        return f"CASE WHEN coalesce(a.availability, a.quantity::VARCHAR) IS NOT NULL THEN a.{name} ELSE b.{name} END AS {name}"
    if name in _LISTS:
        return f"CASE WHEN len(a.{name}) > 0 THEN a.{name} ELSE coalesce(b.{name}, []) END AS {name}"
    if name == "attributes":
        return (
            "map_from_entries(list_sort(map_entries(map_concat(coalesce(b.attributes, MAP {}), "
            "coalesce(a.attributes, MAP {}))))) AS attributes"
        )
    if name == "title":
        return "coalesce(nullif(a.title, ''), b.title, '') AS title"
    return f"coalesce(a.{name}, b.{name}) AS {name}"


def _place(name: str) -> str:
    return f"CASE WHEN a.id IS NOT NULL THEN a.{name} ELSE b.{name} END AS {name}"
