"""RSS 2.0: one ``<item>`` a line, every attribute an element of the namespace ``g:``."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from rekindle.feeds import _sql
from rekindle.feeds.channel import Head
from rekindle.feeds.spec import SEPARATOR, Attribute, Spec

NAMESPACE = "http://base.google.com/ns/1.0"
_BARE = frozenset({"price", "enum", "gtin", "integer", "number_unit", "datetime", "datetime_range"})
END = "</channel></rss>\n"


def begin(head: Head, _columns: Sequence[str]) -> str:
    """Return the file's start."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<rss version="2.0" xmlns:g="{NAMESPACE}"><channel>'
        f"<title>{escape(head.title)}</title><link>{escape(head.link)}</link>"
        f"<description>{escape(head.title)}</description>\n"
    )


def line(spec: Spec, columns: Sequence[str]) -> str:
    """Return SQL for one item; ``concat`` passes over attributes without a value."""
    parts = ["'<item>'", *(_element(spec.find(column)) for column in columns), "'</item>'"]
    return f"concat({', '.join(parts)})"


def escaped(attribute: Attribute) -> str:
    """Return SQL for a value as XML text. Values have passed the checks, so most types cannot hold what needs escaping."""
    column = _sql.name(attribute.name)
    if attribute.type in _BARE:
        return column
    return f"rk_amp({column})" if attribute.type == "url" else f"rk_xml({column})"


def _element(attribute: Attribute) -> str:
    tag = f"g:{attribute.name}"
    column = _sql.name(attribute.name)
    if attribute.parts:
        inner = " || ".join(
            f"CASE WHEN split_part({column}, ':', {place}) <> '' THEN "
            f"'<g:{part}>' || rk_xml(split_part({column}, ':', {place})) || '</g:{part}>' ELSE '' END"
            for place, part in enumerate(attribute.parts, 1)
        )
        return f"'<{tag}>' || {inner} || '</{tag}>'"
    value = escaped(attribute)
    if attribute.repeated:
        value = f"replace({value}, {_sql.text(SEPARATOR)}, '</{tag}><{tag}>')"
    return f"'<{tag}>' || {value} || '</{tag}>'"
