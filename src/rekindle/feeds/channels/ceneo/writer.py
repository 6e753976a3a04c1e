"""``<o id="" url="" price="" …><cat/><name/><imgs/><desc/><attrs/></o>``, one line an offer."""

from __future__ import annotations

from collections.abc import Sequence

from rekindle.feeds import _sql
from rekindle.feeds.formats import Format, Head, xml_text
from rekindle.feeds.spec import SEPARATOR, Spec

_KEYS = ("id", "url", "price", "avail", "set", "weight", "stock", "basket")
_ELEMENTS = ("cat", "name", "desc")


def _line(spec: Spec, columns: Sequence[str]) -> str:
    keys = [f"' {key}=\"' || rk_quoted({_sql.name(key)}) || '\"'" for key in _KEYS if key in columns]
    inner = [f"'<{name}>' || {xml_text(spec.find(name))} || '</{name}>'" for name in _ELEMENTS if name in columns]
    if "image" in columns:
        more = "''"
        if "images" in columns:
            each = f"replace(rk_quoted(images), {_sql.text(SEPARATOR)}, '\"/><i url=\"')"
            more = f"coalesce('<i url=\"' || {each} || '\"/>', '')"
        inner.append(f"'<imgs><main url=\"' || rk_quoted(image) || '\"/>' || {more} || '</imgs>'")
    others = [name for name in columns if name not in (*_KEYS, *_ELEMENTS, "image", "images")]
    if others:
        attributes = ", ".join(f"'<a name=\"{name}\">' || {xml_text(spec.find(name))} || '</a>'" for name in others)
        inner.append(f"'<attrs>' || concat({attributes}) || '</attrs>'")
    return f"concat('<o', {', '.join(keys)}, '>', {', '.join(inner)}, '</o>')"


def _begin(_head: Head, _spec: Spec, _columns: Sequence[str]) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>\n<offers version="1">\n'


FORMAT = Format("xml", "application/xml; charset=utf-8", _line, _begin, "</offers>\n")
