"""What keeps a readable import from going live."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rekindle.catalog import _duck
from rekindle.catalog.files import Files
from rekindle.catalog.report import Report

MAX_SHRINK: Final = 0.3
_WATCHED: Final = ("title", "link", "image_link", "price", "availability")
_REMEDIES: Final = {  # title and price are told of row by row
    "link": "give the export the addresses of the pages; link_base completes relative ones, a second source can add them",
    "image_link": "give the export the addresses of the pictures, or add them by a second source (supplement = true)",
    "availability": "give the export a stock or an availability, or add them by a second source (supplement = true)",
}


def count_items(path: Path) -> int:
    """Return the number of items in a snapshot's file."""
    with _duck.memory() as engine:
        (items,) = engine.execute(f"SELECT count(*) FROM {_duck.parquet(path)}").fetchone() or (0,)  # noqa: S608
    return int(items)


def missing(table: Path, items: int, report: Report) -> None:
    """Say which fields that every channel asks for are empty, and how often: none of the items is at fault alone."""
    for name, share in _filled(_duck.parquet(table)).items() if items else ():
        empty = items - round(share * items)
        if name in _REMEDIES and empty:
            report.add("field-empty", _REMEDIES[name], attribute=name, value=f"{empty} of {items} items have no {name}")


def verdict(
    new: Path, items: int, old: Files | None, previous: int, report: Report, *, max_shrink: float, confirmed: bool
) -> tuple[str, str] | None:
    """Return code and message of what holds the import back, or None.

    ``confirmed`` is a person's word that the catalogue really is so small, or without a field, now. Nothing confirms an
    incomplete file or one without items.
    """
    if report.incomplete:
        broken = next((issue for issue in report.issues if issue.severity == "error"), None)
        found = f": {broken.value}; {broken.remedy}" if broken else ""
        return "incomplete", f"the input ends or breaks before its end{found}"
    if items == 0:
        return "no-items", "the file has no usable item; see the issues"
    if confirmed or old is None:
        return None
    if items < previous * (1 - max_shrink):
        share = round(100 * (1 - items / previous))
        return "shrunk", f"{items} items instead of {previous} ({share} % fewer); confirm with --confirm-shrink"
    before, now = _filled(old.table()), _filled(_duck.parquet(new))
    lost = [name for name in _WATCHED if before[name] >= 0.5 and now[name] == 0]
    if lost:
        return "field-lost", f"no item has {', '.join(lost)} any more; confirm with --confirm-shrink if that is meant"
    return None


def _filled(table: str) -> dict[str, float]:
    """Return the share of items that have each watched field."""
    shares = ", ".join(f"avg((coalesce({name}::VARCHAR, '') <> '')::INT)" for name in _WATCHED)
    with _duck.memory() as engine:
        found = engine.execute(f"SELECT {shares} FROM {table}").fetchone()  # noqa: S608
    return dict(zip(_WATCHED, (float(value or 0) for value in found or ()), strict=True))
