"""The file of a new destination, as a person would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from rekindle.workspace import Destination


def destination_toml(document: Destination, note: str) -> str:
    """Return the TOML of a destination document, with ``note`` as its first line."""
    found: dict[str, Any] = msgspec.to_builtins(document)
    tables = {name: found.pop(name) for name in ("consent", "settings") if name in found}
    lines = [f"# {note}", *toml_lines(found)]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *toml_lines(table)]
    return "\n".join(lines) + "\n"


def toml_lines(table: Mapping[str, Any]) -> list[str]:
    """Return ``key = value`` lines; inner tables are inline."""
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, str):
        # A JSON string is a TOML basic string, but for the delete character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
