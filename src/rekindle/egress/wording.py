"""What is wrong with a setting, for the person who wrote it: which one, what it is, and what could stand there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

_SHORT: Final = 20
_STEPS: Final = re.compile(r"\.(\w+)|\[(\d+)\]|(\[\.\.\.\])")


def explained(error: msgspec.ValidationError, kind: type[msgspec.Struct], given: Mapping[str, Any]) -> str:
    """Return ``batch = "lots" is not …; write …`` for what `msgspec.convert` said of ``given`` as ``kind``.

    A long value is not repeated: it may be a secret in the wrong place.
    """
    text, _, path = str(error).partition(" - at ")
    place = ""
    wanted: inspect.Type = inspect.type_info(kind)
    value: object = given
    for name, number, _ in _STEPS.findall(path.strip("`").removeprefix("$")):
        wanted, value = _inside(wanted, name), _within(value, name, number)
        place += (f".{name}" if place else name) if name else f"[{number}]" if number else ""
    could = _could_be(wanted)
    if not place or not could:
        return f"{place}: {text}" if place else text
    return f"{place} = {_shown(value)} cannot be used; write {could}"


def _within(value: object, name: str, number: str) -> object:
    """Return the value one step further; None where the decoder did not say which it was."""
    if isinstance(value, Mapping) and name:
        return value.get(name)
    return value[int(number)] if isinstance(value, list) and number else None


def _inside(kind: inspect.Type, name: str) -> inspect.Type:
    """Return the type of a field of ``kind`` by its name, or of what it holds."""
    for one in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(one, inspect.StructType) and name:
            for field in one.fields:
                if name in (field.name, field.encode_name):
                    return field.type
        elif isinstance(one, inspect.DictType):
            return one.value_type
        elif isinstance(one, (inspect.ListType, inspect.VarTupleType)):
            return one.item_type
    return inspect.AnyType()


def _could_be(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            return " or ".join(filter(None, map(_could_be, kind.types)))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(kind)
        case inspect.FloatType():
            return "a number" + _range(kind)
        case inspect.StrType():
            return "text in quotation marks"
        case inspect.DateType():
            return "a day, such as 2027-03-31"
        case inspect.LiteralType():
            return " or ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in kind.values)
        case inspect.ListType() | inspect.VarTupleType():
            return f"a list, [ … ], each {inside}" if (inside := _could_be(kind.item_type)) else "a list, [ … ]"
        case inspect.DictType() | inspect.StructType():
            return "a table, { name = … }"
    return ""


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    return f" of at least {kind.ge}" if kind.ge is not None else f" above {kind.gt}" if kind.gt is not None else ""


def _shown(value: object) -> str:
    match value:
        case None:
            return "a value"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str() if len(value) <= _SHORT:
            return f'"{value}"'
        case str():
            return f"text of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case Mapping():
            return "a table"
    return f"a {type(value).__name__}"
