"""JSON Lines of any shape: product fields by column mapping or by their usual names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rekindle.catalog import _generic, _json
from rekindle.catalog.account import Setting
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item, Options, Prepared, Row

TITLE = "JSON Lines with a column mapping"
OPTIONS = (Setting("list", "the name of the list inside one JSON object [default: products]"),)


def sniff(prepared: Prepared) -> str | None:
    """Recognise a first line that is a JSON object, or a JSON list of objects."""
    head = prepared.head.lstrip()
    line, end, _ = head.partition("\n")
    if head.startswith("{") and (line.rstrip().endswith("}") or not end):
        return "a JSON object on the first line"
    if re.match(r'\{\s*"products"\s*:\s*\[\s*\{', head):
        return "a JSON object with a list of products"
    if head.startswith("[") and head[1:].lstrip().startswith("{"):
        return "a JSON list of objects"
    return None


def rows(prepared: Prepared, options: Options, report: Report) -> Iterator[Row]:
    """Yield one row for each object; nested objects have dotted names (``price.amount``).

    A file that is one list, or an object with a list named ``options.list`` (``products``), is read too.
    """
    if reads_lines(prepared, options):
        entries = _json.lines(prepared, report)
    else:
        entries = _json.array(prepared, _key(options), report)
    for number, entry in entries:
        yield Row(number, _json.flat(entry))


def reads_lines(prepared: Prepared, options: Options) -> bool:
    """See `rekindle.catalog.bulk`; otherwise the file is one list."""
    head = prepared.head.lstrip()
    return not head.startswith("[") and not re.match(rf'\{{\s*"{re.escape(_key(options))}"\s*:\s*\[', head)


def _key(options: Options) -> str:
    return str(options.extra.get("list", "products"))


def items(prepared: Prepared, options: Options, report: Report) -> Iterator[Item]:
    """Yield the products that ``columns`` describes."""
    return _generic.items(rows(prepared, options, report), options, report)
