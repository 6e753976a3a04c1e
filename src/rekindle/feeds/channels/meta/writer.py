"""CSV after RFC 4180: comma, double quotes where needed, line feed, names in the first row."""

from __future__ import annotations

from collections.abc import Sequence

from rekindle.feeds import _sql
from rekindle.feeds.channel import Head
from rekindle.feeds.spec import SEPARATOR, Spec


def begin(_head: Head, columns: Sequence[str]) -> str:
    """Return the row of names."""
    return ",".join(columns) + "\n"


def line(spec: Spec, columns: Sequence[str]) -> str:
    """Return SQL for one item's row."""
    cells = []
    for column in columns:
        value = _sql.name(column)
        if spec.find(column).repeated:
            value = f"replace({value}, {_sql.text(SEPARATOR)}, ',')"
        cells.append(f"rk_cell({value})")
    return f"concat_ws(',', {', '.join(cells)})"
