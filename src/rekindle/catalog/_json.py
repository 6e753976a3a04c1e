"""Read JSON Lines and one long JSON array, an object at a time; numbers stay the text that was written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Prepared, Values

_CHUNK = 1 << 16
_LARGEST = 32 << 20

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

_lines = msgspec.json.Decoder(float_hook=str)


def lines(
    prepared: Prepared, report: Report, wanted: Collection[int] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object. A line that is none is reported; a broken last line cuts the report short.

    ``wanted`` are the numbers of the lines to look at (None: all); the others must be known to be good.
    """
    bad: tuple[int, str] | None = None
    last = None if wanted is None else max(wanted, default=0)
    with prepared.path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if last is not None and number > last and bad is None:
                return
            if not line.strip():
                continue
            if bad:
                remedy = "write one JSON object a line; the line was left out"
                report.add("json-broken", remedy, severity="error", row=bad[0], value=bad[1])
                bad = None
            if wanted is not None and number not in wanted:
                continue
            try:
                found = _lines.decode(line)
            except msgspec.DecodeError as error:
                bad = (number, str(error))
                continue
            if not isinstance(found, dict):
                bad = (number, f"a JSON {type(found).__name__}, not an object")
                continue
            yield number, found
    if bad:
        report.cut_short("json-truncated", "the last line is not whole; write it again", row=bad[0], value=bad[1])


def array(prepared: Prepared, key: str, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of ``[…]`` or of ``{"key": […]}`` with their place, from 1, in memory of one object."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    with prepared.path.open(encoding="utf-8") as file:
        buffer = file.read(_CHUNK)
        at = _start(buffer, key)
        if at < 0:
            raise refuse("no-items", f'write a list, or an object with the list "{key}"', buffer[:80])
        buffer = buffer[at:]
        number = 0
        while True:
            buffer = buffer.lstrip(" \t\r\n,")
            if buffer.startswith("]"):
                _look_behind(buffer[1:] + file.read(_CHUNK), report)
                return
            try:
                found, end = decoder.raw_decode(buffer)
            except ValueError as error:
                more = file.read(max(_CHUNK, len(buffer))) if len(buffer) < _LARGEST else ""
                if not more:
                    remedy = "the JSON ends or breaks here; publish it again, whole"
                    report.cut_short("json-truncated", remedy, row=number + 1, value=error)
                    return
                buffer += more
                continue
            number += 1
            buffer = buffer[end:]
            if isinstance(found, dict):
                yield number, found
            else:
                remedy = "write objects into the list; this entry was left out"
                report.add("json-no-object", remedy, severity="error", row=number, value=found)


def _look_behind(rest: str, report: Report) -> None:
    """Say it when something stands behind the list that is no JSON: a warning of the shop's software, another file."""
    rest = rest.lstrip(" \t\r\n}")
    if rest and not rest.startswith(","):
        remedy = "write nothing behind the list; it was not read, and all that stands in the list was"
        report.add("json-trailing", remedy, value=rest)


def _start(buffer: str, key: str) -> int:
    text = buffer.lstrip()
    skipped = len(buffer) - len(text)
    if text.startswith("["):
        return skipped + 1
    at = text.find(f'"{key}"')
    bracket = text.find("[", at)
    if at < 0 or bracket < 0 or text[at + len(key) + 2 : bracket].strip() != ":":
        return -1
    return skipped + bracket + 1


def text(value: Any) -> str:
    """Return a JSON scalar as text: ``true``, ``12``, nothing for null; without control characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    written = str(value)
    return written if written.isprintable() else _CONTROL.sub("", written)


def flat(given: dict[str, Any], prefix: str = "") -> Values:
    """Return nested objects as dotted names; a list of scalars stays a list, a list of objects becomes one per key."""
    values: Values = {}
    for name, value in given.items():
        full = prefix + name
        if isinstance(value, dict):
            values |= flat(value, f"{full}.")
        elif isinstance(value, list):
            if all(isinstance(part, dict) for part in value) and value:
                keys = dict.fromkeys(key for part in value for key in part)
                for key in keys:
                    values[f"{full}.{key}"] = [text(part.get(key)) for part in value]
            else:
                values[full] = [text(part) for part in value]
        else:
            values[full] = text(value)
    return values
