"""What passes between a file, a source and a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

from rekindle.catalog.report import Report
from rekindle.model.product import Product

Values = dict[str, str | list[str]]


class Row(msgspec.Struct, frozen=True):
    """One raw row: what the file says, before any reading of its meaning.

    ``number`` counts items of XML and JSON from 1, and is the line number in a table. A repeated element or a list is
    a list of strings; nested groups are written as the channel's text form writes them (``PL::Courier:9.99 PLN``).
    """

    number: int
    values: Values


class Item(msgspec.Struct, frozen=True):
    """One product and the row it came from.

    ``origin`` is an account's own id of what is read again to see it again; its items have no row of their own (0),
    so that they are the same whichever way they were read.
    """

    row: int
    product: Product
    origin: str = ""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the workspace says about a source.

    ``currency`` where the file names none, ``link_base`` for relative or missing links, ``columns`` (product field →
    column of a generic table), ``extra`` for the source's own settings.
    """

    currency: str | None = None
    link_base: str | None = None
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Prepared(msgspec.Struct, frozen=True):
    """A file made readable: unpacked, UTF-8 without BOM, no forbidden control characters, safe XML.

    ``head`` is its beginning, at most 64 Ki characters; ``name`` is what to call it in messages. ``by_row``: it is the
    table of a sheet, where the records are counted and not the lines, as cells may hold line breaks.
    """

    path: Path
    name: str
    head: str
    by_row: bool = False


class Source(Protocol):
    """A source's package: what ``rekindle.catalog.sources.<name>`` must offer (the entry-point group has that name)."""

    TITLE: str

    def sniff(self, prepared: Prepared, /) -> str | None:
        """Return in words what makes this file one of ours, or None."""
        ...

    def rows(self, prepared: Prepared, options: Options, report: Report, /) -> Iterator[Row]:
        """Yield the raw rows in file order."""
        ...

    def items(self, prepared: Prepared, options: Options, report: Report, /) -> Iterator[Item]:
        """Yield the products in file order. An item that cannot be used is left out and reported as an error."""
        ...
