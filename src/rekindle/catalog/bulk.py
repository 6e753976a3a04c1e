# ruff: noqa: S608 - table functions take no parameters; names are quoted, texts go through _duck.text
"""Read JSON Lines set by set, so that a file says the same as row by row.

The table engine makes products of the rows that need no judgement; the others are read one by one. A line goes to the engine when it is an object of the first lines' shape (`rekindle.catalog._shape`);
`rekindle.catalog._vouch` says which of those rows it can vouch for.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import duckdb

from rekindle.catalog import _duck, _generic, _json, _vouch
from rekindle.catalog._lines import SOME, VECTOR, Tidied, TooOdd, tidy
from rekindle.catalog._shape import Odd, Shape, shape_of
from rekindle.catalog.products import product_from
from rekindle.catalog.reading import Opened
from rekindle.catalog.report import KEPT_PER_CODE, Refused, Report
from rekindle.catalog.row import Item
from rekindle.catalog.staging import LARGEST, Progress, finish, in_source, load, stage, write_lines

LEAST: Final = 4 << 20
"""Bytes below which a file is read row by row: it is done before the engine has planned anything."""

COLUMNS: Final = ", ".join(_duck.COLUMNS)
_MOST: Final = 0.2
"""Share of rows to be read one by one from which on everything is."""


def stage_opened(
    opened: Opened, source: str, folder: Path, report: Report, progress: Progress | None = None, *, least: int = LEAST
) -> Path:
    """Write the items of an opened file as `staging.stage` does, in whichever way is faster; both say the same."""
    if _is_lines(opened) and opened.prepared.path.stat().st_size >= least:
        found = _stage_lines(opened, source, folder, report, progress)
        if found is not None:
            return found
    return stage(opened.items(), source, folder, report, progress)


def _is_lines(opened: Opened) -> bool:
    """Ask the source whether its rows are `_json.lines`, flat, and its products what `_generic.items` makes of them."""
    asked = getattr(opened.source, "reads_lines", None)
    return asked is not None and bool(asked(opened.prepared, opened.options))


def _stage_lines(opened: Opened, source: str, folder: Path, report: Report, progress: Progress | None) -> Path | None:
    work, target = folder / "bulk", folder / "source.parquet"
    work.mkdir()
    told = Report()  # nothing may be said twice, should the file have to be read the other way
    try:
        shape = shape_of(opened.prepared.path)
        vouched = _vouched(shape, opened)
        tidied = tidy(opened.prepared.path, shape, work, _MOST, progress)
        with _duck.connect(work) as engine:
            engine.execute("SET preserve_insertion_order = true")  # the place of a row is the number of its line
            rows = _Rows(engine, vouched, tidied, shape.sql, work / "judged.parquet")
            odd = tidied.odd | rows.doubted()
            if len(odd) > SOME + _MOST * tidied.lines:
                raise TooOdd
            shown = rows.told() | set(shape.fresh)
            write_lines(_one_by_one(opened, odd, shown, told), work / "items.jsonl", told, None)
            load(engine, work / "items.jsonl")
            rows.tally(shown - odd, told)
            items = tidied.lines - len(odd)
            if odd:
                (others,) = engine.execute("SELECT count(*) FROM staged").fetchone() or (0,)
                items += others
                plain = f"({rows.all}) SEMI JOIN (SELECT n FROM {rows.ids} WHERE plain) USING (n)"
                both = f"(SELECT n, row, origin, {COLUMNS} FROM {plain} UNION ALL SELECT row, row, origin, {COLUMNS} FROM staged)"
                ids = f"(SELECT n, n AS row, id FROM {rows.ids} WHERE plain UNION ALL SELECT row, row, id FROM staged)"
                finish(engine, both, source, told, target, ids)
            elif tidied.ascending and tidied.even:
                _duck.write_items(engine, in_source(rows.all, source), target, sort=False)
            else:
                finish(engine, f"({rows.all})", source, told, target, f"(SELECT *, n AS row FROM {rows.ids})")
            rows.check(f"(SELECT row AS n, id FROM {_duck.parquet(target)})")
            report.absorb(told)
            if progress:
                progress(items)
    except (Odd, TooOdd, Refused, _Unreadable, duckdb.OutOfMemoryException):
        target.unlink(missing_ok=True)
        return None  # row by row it is said what is wrong
    finally:
        shutil.rmtree(work)
    return target


def _vouched(shape: Shape, opened: Opened) -> _vouch.Vouched:
    """Return how the engine makes products of the columns. Raises `Refused`, `Odd`."""
    columns = _generic.Columns(opened.options, Report())
    for names in shape.fresh.values():
        columns.named({name: name for name in names})
    named = {name: str(column) for name, column in columns.named({name: name for name in shape.columns}).items()}
    fields = _vouch.fields_of(named)
    if fields is None or "id" not in fields[0] or set(named.values()) != set(shape.columns):
        raise Odd
    ours, own = ({name: shape.columns[column] for name, column in each.items()} for each in fields)
    amounts = {fields[0][name] for name in _vouch.AMOUNTS if name in fields[0]}
    others = {column for each in fields for name, column in each.items() if name not in _vouch.AMOUNTS}
    shape.settle(fields[0]["id"], amounts - others)
    return _vouch.vouch(ours, own, opened.options)


def _one_by_one(opened: Opened, odd: Collection[int], told: Collection[int], report: Report) -> Iterator[Item]:
    """Report of both, and yield the items of the odd lines."""
    columns = _generic.Columns(opened.options, report)
    for number, entry in _json.lines(opened.prepared, report, {*odd, *told}):
        product = product_from(columns.named(_json.flat(entry)), opened.options, report, number)
        if product is not None and number in odd:
            yield Item(number, product)


class _Unreadable(Exception):
    """The engine does not take what was decoded before (a key twice in one object), or not as it was told."""


class _Rows:
    """The rows of all lines, as products, with what is known of them; the place of a row is its line's number."""

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, vouched: _vouch.Vouched, tidied: Tidied, columns: str, target: Path
    ) -> None:
        self._engine, self._codes, self._ids = engine, vouched.told, tidied.ids
        files = ", ".join(map(_duck.text, tidied.parts))
        read = f"read_json([{files}], format='newline_delimited', maximum_object_size={LARGEST}, columns={{{columns}}})"
        try:
            engine.execute(
                f"COPY (SELECT {vouched.judged(plain=tidied.plain)} FROM {read} p) TO {_duck.text(target)} "
                "(FORMAT parquet, COMPRESSION uncompressed)"
            )
        except duckdb.InvalidInputException:
            raise _Unreadable from None
        self.ids = f"(SELECT *, file_row_number + 1 AS n FROM read_parquet({_duck.text(target)}, file_row_number=true))"
        if self._ask(f"SELECT count(*) FROM {self.ids}") != [tidied.lines]:
            raise _Unreadable
        self.check(self.ids)
        self.all = f"SELECT row_number() OVER () AS n, n AS row, '' AS origin, {vouched.products()} FROM {read} p"

    def check(self, rows: str) -> None:
        """Look whether rows are what their lines were, should the engine ever not keep their order."""
        plain = f"SELECT n FROM {self.ids} WHERE plain AND n % {VECTOR} = 1"
        found = self._engine.execute(f"SELECT n, id FROM {rows} WHERE n % {VECTOR} = 1 AND n IN ({plain})").fetchall()
        if any(self._ids.get(number, identity) != identity for number, identity in found):
            raise _Unreadable

    def doubted(self) -> set[int]:
        """Return the lines that are not vouched for."""
        return set(self._ask(f"SELECT n FROM {self.ids} WHERE NOT plain"))

    def told(self) -> set[int]:
        """Return the lines whose findings a report keeps."""
        first = f"SELECT n FROM {self.ids} WHERE plain AND {{}} ORDER BY n LIMIT {KEPT_PER_CODE}"
        return {number for name in self._codes for number in self._ask(first.format(name))}

    def tally(self, told: Collection[int], report: Report) -> None:
        """Count the findings of the lines that nobody told of."""
        for name, (code, severity) in self._codes.items():
            (number,) = self._ask(
                f"SELECT count(*) FROM {self.ids} WHERE plain AND {name} AND n NOT IN ({_list(told)})"
            )
            if number:
                report.tally(code, severity, number)

    def _ask(self, query: str) -> list[int]:
        return [int(number) for (number,) in self._engine.execute(query).fetchall()]


def _list(numbers: Collection[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "0"
