"""Which ids a version holds: a sorted file of lines, read through the page cache by halving.

A line is ``key TAB kind TAB id``. Kinds: ``p`` published and ``x`` left out (the key is the id), ``c`` the id in lower
case, ``s`` and ``g`` what the id is called without a shop system's rewriting (sure) or a general one (guess).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from rekindle.feeds import _sql

# Rewritings that are known from shop systems' own feeds; matched on the lower-case id.
SHOPIFY = r"^shopify_[a-z]{2}_([0-9]+)_([0-9]+)$"
SURE = r"^(?:gla_|wc_post_id_)(.+)$"
GUESS = r"^(.+)_([0-9]+)$"


class Entry(NamedTuple):
    """One line of the index."""

    key: str
    kind: str
    id: str


def write_index(connection: duckdb.DuckDBPyConnection, items: str, target: Path) -> None:
    """Write the index of a version's items (relation with ``id``, ``_id`` and ``_state``) to ``target``."""
    plain = "regexp_matches(id, '^[^\\x00-\\x1f\\x7f]+$')"
    published = f"SELECT id, lower(id) AS low FROM ({items}) WHERE _state = 0 AND {plain}"
    sure, guess, shopify = (_sql.text(pattern) for pattern in (SURE, GUESS, SHOPIFY))
    lines = f"""
        SELECT id AS key, 'p' AS kind, id FROM ({published})
        UNION ALL SELECT DISTINCT coalesce(id, _id), 'x', coalesce(id, _id) FROM
          (SELECT id, _id FROM ({items}) WHERE _state <> 0 AND ({plain} OR id IS NULL))
        UNION ALL SELECT low, 'c', id FROM ({published})
        UNION ALL SELECT regexp_extract(low, {sure}, 1), 's', id FROM ({published}) WHERE regexp_matches(low, {sure})
        UNION ALL SELECT unnest([regexp_extract(low, {shopify}, 1), regexp_extract(low, {shopify}, 2),
          regexp_extract(low, {shopify}, 1) || '_' || regexp_extract(low, {shopify}, 2)]), 's', id
          FROM ({published}) WHERE regexp_matches(low, {shopify})
        UNION ALL SELECT unnest([regexp_extract(low, {guess}, 1), regexp_extract(low, {guess}, 2)]), 'g', id
          FROM ({published}) WHERE regexp_matches(low, {guess}) AND NOT regexp_matches(low, {shopify})
          AND NOT regexp_matches(low, {sure})"""
    tab = "chr(9)"
    connection.execute(
        f"COPY (SELECT DISTINCT key || {tab} || kind || {tab} || id AS line FROM ({lines}) "
        "WHERE regexp_matches(key, '^[^\\x00-\\x1f\\x7f]+$') ORDER BY line) "
        f"TO {_sql.text(str(target))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    )


class Index:
    """One version's ids. Lookups take some twenty steps through a mapped file; nothing is held in memory."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            empty = path.stat().st_size == 0
            self._map: mmap.mmap | bytes = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def entries(self, key: str) -> Iterator[Entry]:
        """Yield the lines of a key."""
        if not key or any(letter < " " for letter in key):
            return
        prefix = f"{key}\t".encode("utf-8", "replace")
        position = self._first_not_before(prefix)
        while self._map[position : position + len(prefix)] == prefix:
            end = self._line_end(position)
            found, kind, identity = bytes(self._map[position:end]).decode().split("\t")
            yield Entry(found, kind, identity)
            position = end + 1

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self._map, mmap.mmap):
            self._map.close()

    def _line_end(self, position: int) -> int:
        end = self._map.find(b"\n", position)
        return len(self._map) if end < 0 else end

    def _first_not_before(self, prefix: bytes) -> int:
        low, high = 0, len(self._map)
        while low < high:
            middle = (low + high) // 2
            start = self._map.rfind(b"\n", low, middle) + 1 or low
            end = self._line_end(start)
            if self._map[start : min(end, start + len(prefix))] < prefix:
                low = end + 1
            else:
                high = start
        return min(low, len(self._map))


def originals(item_id: str) -> Iterator[tuple[str, bool]]:
    """Yield what an id is called without a known rewriting, and whether that rewriting is sure."""
    low = item_id.lower()
    if match := re.match(SHOPIFY, low):
        yield from ((match[1], True), (match[2], True), (f"{match[1]}_{match[2]}", True))
    elif match := re.match(SURE, low):
        yield match[1], True
    elif match := re.match(GUESS, low):
        yield from ((match[1], False), (match[2], False))
