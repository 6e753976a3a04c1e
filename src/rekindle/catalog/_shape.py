"""What the first lines of JSON Lines say of all, and which of the others are as they said.

Each line is decoded strictly, so that what goes to the table engine, which would take more, is JSON and of known types.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from rekindle.catalog import _duck, _json

_SAMPLE: Final = 100
_LARGEST_SAMPLE: Final = 8 << 20

# A number reaches the engine as a double there and comes back as text. This is how it must be written to stay the same.
_CHANGED: Final = re.compile(
    rb'^(?!(?:null|true|false|"[^\n]*|-?(?:0|[1-9][0-9]{0,11})(?:\.0|\.[0-9]{0,7}[1-9])?)$)[^\n]', re.M
)
# As an amount it only has to stay the same number: zeros at its end may go, unless they make three decimals, which
# are a matter of judgement.
_NO_AMOUNT: Final = re.compile(
    rb'^(?!(?:null|true|false|"[^\n]*|-?(?:0|[1-9][0-9]{0,9})(?:\.(?:[0-9]{1,2}|[0-9]{4,6}))?)$)[^\n]', re.M
)
_NULL: Final = msgspec.Raw(b"null")


class Column(msgspec.Struct, frozen=True):
    """Where a value is for the engine: SQL, and whether that is a list of texts."""

    sql: str
    many: bool = False


class Odd(Exception):
    """The first lines have no one shape that could be read set by set."""


class Shape:
    """The keys of the first objects and what is below them.

    ``columns`` are by their flat names, as `_json.flat` gives them; ``fresh`` are the names in the lines that
    brought new ones, by their numbers; ``sql`` are the engine's columns. Raises `Odd`. `settle` comes before `holds`.
    """

    def __init__(self, entries: list[tuple[int, dict[str, Any]]]) -> None:
        self.columns: dict[str, Column] = {}
        self.fresh: dict[int, list[str]] = {}
        seen: set[str] = set()
        for number, entry in entries:
            flat = _json.flat(entry)
            if not flat.keys() <= seen:
                self.fresh[number] = list(flat)
                seen |= flat.keys()
        self._places: dict[str, list[str]] = {}
        self._fractions: set[str] = set()
        made, types = self._object([entry for _, entry in entries], "", "", "p.")
        self.sql = ", ".join(f"{_duck.text(name)}: {_duck.text(kind)}" for name, kind in types.items())
        self._decoder = msgspec.json.Decoder(made)
        self._numbers: list[tuple[list[str], re.Pattern[bytes]]] = []
        self._id: list[str] = []

    def settle(self, identity: str, amounts: Collection[str]) -> None:
        """Say which column is the id, and which are only read as amounts."""
        self._numbers = [
            (self._places[name], _NO_AMOUNT if name in amounts else _CHANGED) for name in sorted(self._fractions)
        ]
        self._id = self._places[identity]

    def ids(self, found: list[Any]) -> list[Any]:
        """Return the ids of objects as they are written; what is no text is none."""
        return [_at(each, self._id) for each in found]

    def holds(self, block: bytes, count: int) -> list[Any] | None:
        """Return what the lines hold, or None unless each of the ``count`` lines is an object of this shape."""
        try:
            found: list[Any] = self._decoder.decode_lines(block)
        except msgspec.MsgspecError:
            return None
        if len(found) != count:
            return None
        for at, changed in self._numbers:
            if changed.search(b"\n".join([_at(each, at) or _NULL for each in found])):
                return None
        return found

    def _object(self, entries: list[dict[str, Any]], prefix: str, path: str, sql: str) -> tuple[Any, dict[str, str]]:
        """Return the type of such objects and the engine's types below it, and note the columns below them."""
        names = list(dict.fromkeys(name for entry in entries for name in entry))
        if len({name.casefold() for name in names}) < len(names) or not all(n and n.isprintable() for n in names):
            raise Odd  # the engine takes A and a for the same
        fields: list[tuple[str, Any, Any]] = []
        types: dict[str, str] = {}
        for number, name in enumerate(names):
            values = [entry[name] for entry in entries if entry.get(name) is not None]
            full, at, quoted = f"{prefix}{name}", f"{path} f{number}", f'{sql}"{_quoted(name)}"'
            kind, engine = self._value(values, full, at, quoted)
            fields.append((f"f{number}", kind, _NULL if kind is msgspec.Raw else None))
            if engine:
                types[name] = engine
        rename = {f"f{number}": name for number, name in enumerate(names)}
        made = msgspec.defstruct("Line", fields, rename=rename, forbid_unknown_fields=True, gc=False)
        return made, types

    def _value(self, values: list[Any], name: str, at: str, sql: str) -> tuple[Any, str]:
        if any(isinstance(value, dict) for value in values):
            if not all(isinstance(value, dict) for value in values):
                raise Odd
            kind, types = self._object(values, f"{name}.", at, f"{sql}.")
            inner = ", ".join(f'"{_quoted(each)}" {engine}' for each, engine in types.items())
            return kind | None, f"STRUCT({inner})" if inner else ""
        if name in self.columns:
            raise Odd  # {"a.b": 1, "a": {"b": 2}}
        many = any(isinstance(value, list) for value in values)
        if many and any(isinstance(part, dict | list) for value in values if isinstance(value, list) for part in value):
            raise Odd
        self.columns[name], self._places[name] = Column(sql, many), at.split()
        if many:
            return list[str] | None, "VARCHAR[]"
        if any(isinstance(value, float) for value in values):
            self._fractions.add(name)
            return msgspec.Raw, "VARCHAR"
        return str | int | bool | None, "VARCHAR"


def shape_of(path: Path) -> Shape:
    """Return the shape of a file of JSON Lines. Raises `Odd`."""
    entries = list(_first(path))
    if not entries:
        raise Odd
    return Shape(entries)


def _first(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    read = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            read += len(line)
            if number > _SAMPLE or read > _LARGEST_SAMPLE:
                return
            try:
                found = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(found, dict):
                yield number, found


def _at(found: Any, path: list[str]) -> Any:
    for name in path:
        found = getattr(found, name, None)
    return found


def _quoted(name: str) -> str:
    return name.replace('"', '""')
