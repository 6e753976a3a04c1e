"""Write a document into its TOML file: only what differs is touched, so comments and order stay."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from rekindle.workspace.documents import Document


def merged(text: str, before: Document | None, after: Document) -> str:
    """Return a TOML text that says ``after``, made of one that says ``before`` (None: there is no text yet).

    What differs is replaced in its place. Where that cannot be done faithfully, the whole is written anew, without
    comments: a file that said something else would be worse.
    """
    import tomlkit  # only who writes needs it
    from tomlkit.exceptions import TOMLKitError

    wanted = msgspec.to_builtins(after)
    try:
        made = tomlkit.parse(text)
        _merge(made, {} if before is None else msgspec.to_builtins(before), wanted)
        written = tomlkit.dumps(made)
        if msgspec.convert(tomllib.loads(written), type(after)) == after:
            return written
    except (TOMLKitError, tomllib.TOMLDecodeError, msgspec.ValidationError, LookupError, TypeError, ValueError):
        pass  # the text is built in a way that a change in place cannot follow
    return tomlkit.dumps(wanted)


def _merge(table: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    import tomlkit

    for key in before.keys() - after.keys():
        table.pop(key, None)  # it is the default again, and that is left out
    for key, value in after.items():
        old = before.get(key)
        if old == value and key in table:
            continue
        if isinstance(old, Mapping) and isinstance(value, Mapping) and key in table:
            _merge(table[key], old, value)
        elif isinstance(table.get(key), tomlkit.items.AoT) and _tables(old) and _tables(value):
            _merge_tables(table[key], old, value)
        else:
            table[key] = value


def _merge_tables(tables: Any, before: list[Any], after: list[Any]) -> None:
    for place, (old, new) in enumerate(zip(before, after, strict=False)):
        if old != new:
            _merge(tables[place], old, new)
    for _ in before[len(after) :]:
        del tables[len(after)]
    for new in after[len(before) :]:
        tables.append(new)


def _tables(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)
