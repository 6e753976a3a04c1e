"""The shapes of file that channels share: separated columns, XML of one element an attribute, JSON Lines.

Values have passed the channel's checks, so most types cannot hold what a format must escape.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.spec import SEPARATOR, Attribute, Spec

GOOGLE_NAMESPACE = "http://base.google.com/ns/1.0"
_BARE = frozenset({"price", "number", "enum", "gtin", "integer", "number_unit", "datetime", "datetime_range"})


class Head(msgspec.Struct, frozen=True):
    """What a file says of itself; nothing that changes from build to build, so that equal input gives equal bytes."""

    title: str
    link: str
    language: str = "en"


class Format(msgspec.Struct, frozen=True):
    """One shape of file. ``line``: SQL for one item's text, given the attributes that hold a value anywhere.

    ``begin`` makes the text before the items, ``end`` is the text after them. ``line_full``, where there is one, is SQL
    that gives the same text sooner, given also those attributes that hold a value in every published item. ``sparse``:
    an attribute without a value leaves nothing behind, as elements do and columns do not.
    """

    extension: str
    content_type: str
    line: Callable[[Spec, Sequence[str]], str]
    begin: Callable[[Head, Spec, Sequence[str]], str]
    end: str = ""
    line_full: Callable[[Spec, Sequence[str], Collection[str]], str] | None = None
    sparse: bool = False


def xml_text(attribute: Attribute) -> str:
    """Return SQL for a value as XML text."""
    column = _sql.name(attribute.name)
    if attribute.type in _BARE:
        return column
    return f"rk_amp({column})" if attribute.type == "url" else f"rk_xml({column})"


def xml(item: str, before: Callable[[Head], str], end: str, prefix: str = "") -> Format:
    """Return XML with one element an item and in it one for each value, named ``prefix`` and the attribute's name."""

    def line(spec: Spec, columns: Sequence[str], always: Collection[str] = ()) -> str:
        parts: list[str] = [_Tag(f"<{item}>")]
        for attribute in map(spec.find, columns):
            parts += _element(attribute, prefix, attribute.name in always)
        parts.append(_Tag(f"</{item}>"))
        # `concat` passes over attributes without a value.
        return f"concat({', '.join(_joined(parts))})"

    def begin(head: Head, _spec: Spec, _columns: Sequence[str]) -> str:
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{before(head)}\n'

    return Format("xml", "application/xml; charset=utf-8", line, begin, end, line, True)


class _Tag(str):
    """Markup as it is, where other texts are SQL."""


def _joined(parts: Iterable[str]) -> Iterator[str]:
    """Yield SQL, with tags that follow one another as one text: each argument costs a copy."""
    for tags, group in groupby(parts, lambda part: isinstance(part, _Tag)):
        if tags:
            yield f"'{''.join(group)}'"
        else:
            yield from group


def _element(attribute: Attribute, prefix: str, always: bool) -> Iterator[str]:
    """Yield what follows one another as SQL; where the value may be missing it is one NULL then."""
    tag = prefix + attribute.header
    column = _sql.name(attribute.name)
    if attribute.parts:
        inner = " || ".join(
            f"CASE WHEN {value} <> '' THEN '<{prefix}{part}>' || rk_xml({value}) || '</{prefix}{part}>' ELSE '' END"
            for part, value in zip(attribute.parts, _values(column, len(attribute.parts)), strict=True)
        )
        yield f"CASE WHEN {column} IS NOT NULL THEN '<{tag}>' || {inner} || '</{tag}>' END"
        return
    value = xml_text(attribute)
    if attribute.repeated:
        value = f"replace({value}, {_sql.text(SEPARATOR)}, '</{tag}><{tag}>')"
    if always:
        yield from (_Tag(f"<{tag}>"), value, _Tag(f"</{tag}>"))
    else:
        yield f"'<{tag}>' || {value} || '</{tag}>'"


def _values(column: str, count: int) -> Iterator[str]:
    for place in range(1, count):
        yield f"split_part({column}, ':', {place})"
    yield f"array_to_string(string_split({column}, ':')[{count}:], ':')"  # the last one may hold colons


def _rss(head: Head) -> str:
    title = escape(head.title)
    return (
        f'<rss version="2.0" xmlns:g="{GOOGLE_NAMESPACE}"><channel>'
        f"<title>{title}</title><link>{escape(head.link)}</link><description>{title}</description>"
    )


RSS = xml("item", _rss, "</channel></rss>\n", "g:")
"""RSS 2.0, every attribute an element of the namespace ``g:``; one ``<item>`` a line."""


def _csv_line(spec: Spec, columns: Sequence[str]) -> str:
    cells = []
    for column in columns:
        value = _sql.name(column)
        if spec.find(column).repeated:
            value = f"replace({value}, {_sql.text(SEPARATOR)}, ',')"
        cells.append(f"rk_cell({value})")
    return f"concat_ws(',', {', '.join(cells)})"


def _csv_begin(_head: Head, spec: Spec, columns: Sequence[str]) -> str:
    return ",".join(_cell(spec.find(column).header) for column in columns) + "\n"


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(letter in text for letter in '",\r\n') else text


CSV = Format("csv", "text/csv; charset=utf-8", _csv_line, _csv_begin)
"""RFC 4180: comma, double quotes where needed, line feed, names in the first row; lists with a comma in one cell."""


def _tab_line(spec: Spec, columns: Sequence[str]) -> str:
    cells = []
    for column in columns:
        value = _sql.name(column)
        if spec.find(column).repeated:
            value = f"replace({value}, {_sql.text(SEPARATOR)}, ',')"
        cells.append(f"rk_tab({value})")
    return f"concat_ws(chr(9), {', '.join(cells)})"


def _tab_begin(_head: Head, spec: Spec, columns: Sequence[str]) -> str:
    return "\t".join(spec.find(column).header for column in columns) + "\n"


TSV = Format("tsv", "text/tab-separated-values; charset=utf-8", _tab_line, _tab_begin)
"""Tabs between, nothing quoted: tabs and line ends inside a value become blanks."""
TXT = msgspec.structs.replace(TSV, extension="txt", content_type="text/plain; charset=utf-8")


def _json_line(spec: Spec, columns: Sequence[str]) -> str:
    members = []
    for column in columns:
        attribute, value = spec.find(column), _sql.name(column)
        if attribute.repeated:
            value = f"string_split({value}, {_sql.text(SEPARATOR)})"
        key = _sql.text(msgspec.json.encode(attribute.header).decode() + ":")
        members.append(f"CASE WHEN {_sql.name(column)} IS NOT NULL THEN {key} || CAST(to_json({value}) AS VARCHAR) END")
    return f"'{{' || concat_ws(',', {', '.join(members)}) || '}}'"


JSON_LINES = Format(
    "jsonl", "application/x-ndjson; charset=utf-8", _json_line, lambda _head, _spec, _columns: "", sparse=True
)
"""One object a line, values as text, lists as arrays; attributes without a value are left out."""
