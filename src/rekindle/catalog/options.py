"""What may stand in a source's ``options``: every name is known, and one that is not is refused, not passed over."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final

import msgspec

from rekindle.catalog._detect import sources
from rekindle.catalog.account import Setting
from rekindle.egress.connector import SettingsError
from rekindle.egress.wording import explained

ALL: Final = (
    Setting("id", "the item's id as a template of the source's own names, where the page sends something else"),
    Setting("max_shrink", "the share of items that may vanish at once [default: 0.3]"),
    Setting("supplement", "true: it adds fields to items of other sources and no items of its own"),
    Setting("volatile_images", "parameters of image addresses that change by themselves, or true for all of them"),
    Setting("changes_every", "how often an account is asked for what changed [default: 10m], or never"),
)
"""Options that every source has, besides ``hook_secret``, which names a secret."""

SHEETS: Final = (
    Setting("sheet", "the sheet of a workbook, by name or number [default: the first that is visible]"),
    Setting("header_row", "the row of a workbook that holds the names of the columns [default: 1]"),
)
"""Options of whatever reads tables; any of them may come as a workbook."""

COMMON: Final = frozenset({setting.name for setting in ALL} | {"hook_secret"})


class _Common(msgspec.Struct):
    """The types of what every source has."""

    id: str = ""
    max_shrink: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0
    supplement: bool = False
    volatile_images: bool | list[str] = False
    changes_every: str = ""
    sheet: str | int = ""
    header_row: Annotated[int, msgspec.Meta(ge=1)] = 1


def own(kind: str) -> tuple[Setting, ...] | None:
    """Return what a file source's package names as its own options (``OPTIONS``), None where it names nothing.

    Those of another distribution may not say; of ``auto`` it may be any.
    """
    if kind == "auto":
        return tuple(setting for one in sources() for setting in own(one) or ())
    found: tuple[Setting, ...] | None = getattr(sources().get(kind), "OPTIONS", None)
    return found


def check_names(kind: str, options: Mapping[str, Any], others: Collection[str] = ()) -> None:
    """Refuse what a file source knows nothing of; ``others`` are names that belong to getting the file.

    Raises `SettingsError` with what a misspelt name may have meant.
    """
    settings = own(kind)
    if settings is None:
        return
    known = COMMON | {setting.name for setting in (*settings, *SHEETS)} | set(others)
    for name in options:
        if name not in known:
            raise unknown(kind, name, known)
    for setting in settings if kind != "auto" else ():
        if setting.required and not options.get(setting.name):
            raise SettingsError(f"{kind}: {setting.name} is missing: {setting.help}")


def check_values(kind: str, options: Mapping[str, Any]) -> None:
    """Check the values of what every source has. Raises `SettingsError`."""
    given = {name: value for name, value in options.items() if name in _Common.__struct_fields__}
    try:
        found = msgspec.convert(given, _Common)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{kind}: {explained(error, _Common, given)}") from None
    if found.changes_every and not re.fullmatch(r"never|[1-9][0-9]*[smhd]", found.changes_every):
        raise SettingsError(f'{kind}: changes_every = {found.changes_every!r} cannot be used; write "10m" or "never"')


def unknown(kind: str, name: str, known: Collection[str]) -> SettingsError:
    """Return what is to be said of an option that is not there."""
    near = get_close_matches(name.lower(), sorted(known), 1, 0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return SettingsError(f"{kind}: unknown option {name!r}{hint}; there are {', '.join(sorted(known))}")
