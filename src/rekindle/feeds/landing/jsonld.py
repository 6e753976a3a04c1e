"""JSON-LD: the scripts of a page as things. What is broken in ways that leave no doubt is repaired, and said."""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rekindle.feeds.landing.things import DEPTH, LONGEST, Purse, Thing, bare

MENDED_BYTES = 1 << 20
"""A longer script that cannot be read is not repaired."""

_WRAPPED = re.compile(r"\A(?:\s|\ufeff|<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)+")
_END = 256
_UNWRAPPED = re.compile(r"(?:\s|//\s*-->|-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>|;){1,64}\Z")
# Every alternative matches wherever it begins, so that a text made of beginnings is still read once.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|/\*.*?(?:\*/|\Z)|//[^\n]*|,(?=\s*+[}\]])', re.S)
_ESCAPE = re.compile(r"\\(.)", re.S)
_DOWN = ("@graph", "mainEntity", "mainEntityOfPage", "itemOffered", "about")
"""Where a page's own product may be below what the script begins with."""


def read(scripts: Sequence[str], purse: Purse) -> tuple[list[Thing], list[str]]:
    """Return the things that a page's scripts are about, and codes of faults: ``markup-repaired``, ``markup-broken``."""
    found: list[Any] = []
    faults: set[str] = set()
    for script in scripts:
        values, fault = parse(script)
        found += values
        if fault:
            faults.add(fault)
    ids: dict[str, dict[str, Any]] = {}
    tops: list[dict[str, Any]] = []
    for value in found:
        for node in _nodes(value, purse):
            tops.append(node)
            if isinstance(node.get("@id"), str) and len(node) > 1:
                ids.setdefault(node["@id"], node)
    things = [thing for node in tops if (thing := _thing(node, ids, purse, 0)) is not None]
    return things, sorted(faults)


def parse(script: str) -> tuple[list[Any], str | None]:
    """Return the values of one script, numbers as text, and the fault that was repaired or could not be."""
    text = _WRAPPED.sub("", script, count=1)
    text = text[:-_END] + _UNWRAPPED.sub("", text[-_END:])
    if not text.strip():
        return [], None
    ways: list[Callable[[str], str]] = [lambda whole: whole]
    if len(text) <= MENDED_BYTES:
        ways += [_mended, lambda whole: _mended(html.unescape(whole))]
    for number, way in enumerate(ways):
        try:
            return _values(way(text)), "markup-repaired" if number else None
        except (ValueError, RecursionError):
            continue
    return [], "markup-broken"


def _values(text: str) -> list[Any]:
    """Decode one value or several in a row."""
    values, at, end = [], 0, len(text)
    while at < end:
        value, at = _DECODER.raw_decode(text, at)
        values.append(value)
        while at < end and text[at] in " \t\r\n;":
            at += 1
    return values


def _number(text: str) -> str:
    return text[:LONGEST]


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=str, strict=False)


def _mended(text: str) -> str:
    """Leave comments, needless commas and unknown escapes out."""
    return _TOKEN.sub(_token, text)


def _token(match: re.Match[str]) -> str:
    token = match[0]
    if token.startswith('"'):
        return _ESCAPE.sub(lambda each: each[0] if each[1] in '"\\/bfnrtu' else each[1], token)
    return ""


def _nodes(value: Any, purse: Purse) -> Iterator[dict[str, Any]]:
    """Yield what a script is about: its objects, those of its lists and graphs, and what those are pages of."""
    pending = deque([(value, 0)])
    while pending:
        one, depth = pending.popleft()
        if depth > DEPTH or not purse.pay():
            continue
        if isinstance(one, list):
            pending += [(each, depth + 1) for each in one[: purse.left]]
        elif isinstance(one, dict):
            if any(name in one for name in ("@type", "type", "@id")):
                yield one
            pending += [(one[name], depth + 1) for name in _DOWN if name in one]


def _thing(node: dict[str, Any], ids: dict[str, dict[str, Any]], purse: Purse, depth: int) -> Thing | None:
    if depth > DEPTH or not purse.pay():
        return None
    if len(node) == 1 and isinstance(node.get("@id"), str):
        node = ids.get(node["@id"], node)  # a reference to what stands elsewhere on the page
    types = node.get("@type", ())
    listed = types if isinstance(types, list) else [types] if types else []
    thing = Thing("json-ld", tuple(bare(each) for each in listed if isinstance(each, str)), {})
    for name, value in node.items():
        if name in ("@type", "@context"):
            continue
        into = thing.values.setdefault(bare(str(name)), [])
        for each in value if isinstance(value, list) else [value]:
            if not purse.pay():
                break
            if isinstance(each, dict):
                if "@value" in each:
                    into.append(str(each["@value"])[:LONGEST])
                elif (inner := _thing(each, ids, purse, depth + 1)) is not None:
                    into.append(inner)
            elif each is not None and not isinstance(each, list):
                into.append(str(each)[:LONGEST])
    return thing
