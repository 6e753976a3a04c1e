# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, patterns are checked
"""Volatile parts of image addresses (cache marks, signatures) are no change: the address known before stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rekindle.catalog import _duck
from rekindle.catalog.files import Files
from rekindle.catalog.report import refuse

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,40}")


def pattern_of(value: Any) -> str | None:
    """Return what to leave out of an address before it is compared: ``true`` is the whole query, a list names parameters.

    Raises `Refused` for anything else.
    """
    if value in (None, False, []):
        return None
    if value is True:
        return r"\?[^#]*"
    if isinstance(value, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value):
        names = "|".join(re.escape(name) for name in value)
        return rf"([?&])(?:{names})=[^&#]*"
    remedy = 'write volatile_images = ["v", "token"] (parameters of the query), or true for the whole query'
    raise refuse("volatile-images", remedy, value)


def settle(part: Path, before: Files | None, value: Any, folder: Path) -> Path:
    """Return ``part`` with the image addresses of ``before`` where only volatile parts differ. Raises `Refused`."""
    pattern = pattern_of(value)
    if pattern is None or before is None:
        return part
    quoted = _duck.text(pattern)

    def plain(address: str) -> str:
        return f"regexp_replace({address}, {quoted}, '', 'g')"

    one = f"CASE WHEN {plain('o.image_link')} = {plain('n.image_link')} THEN o.image_link ELSE n.image_link END"
    many = "additional_image_links"
    each = f"list_transform({{}}.{many}, lambda v: {plain('v')})"
    list_ = f"CASE WHEN {each.format('o')} = {each.format('n')} THEN o.{many} ELSE n.{many} END"
    taken = {"image_link": one, many: list_}
    columns = ", ".join(f"{taken.get(name, f'n.{name}')} AS {name}" for name in (*_duck.COLUMNS, *_duck.PLACE))
    target = folder / "settled.parquet"
    with _duck.connect(folder) as engine:
        known = f"(SELECT id, image_link, {many} FROM {before.table()} SEMI JOIN (SELECT id FROM {_duck.parquet(part)}) USING (id))"
        query = f"SELECT {columns} FROM {_duck.parquet(part)} n LEFT JOIN {known} o ON o.id = n.id"
        _duck.write_items(engine, query, target)
    return target
