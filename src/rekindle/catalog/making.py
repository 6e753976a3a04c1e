# ruff: noqa: S608 - table functions take no parameters; names come from our own columns, texts through _duck.text
"""Make the files of a source's new part and of the catalogue that follows from it; nothing is live yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from rekindle.catalog import _duck
from rekindle.catalog.ages import first_seen, grow_older, write_ages
from rekindle.catalog.changes import ChangeSummary, compare, told, write_differences
from rekindle.catalog.files import Files
from rekindle.catalog.offers import build_index, build_patch
from rekindle.catalog.overlay import Steps
from rekindle.catalog.staging import merge
from rekindle.engines.blobs import Blobs
from rekindle.workspace import Workspace


class Part(msgspec.Struct, frozen=True):
    """What one source has now: a Parquet file of so many items, or of what to put over the part it was made from.

    ``marks`` are columns of ``catalog_sources`` to be kept with it. ``over`` is the key of that part ("": the file is
    whole in itself); ``seen`` are the ids that were seen now (None: all of it).
    """

    path: Path
    items: int
    marks: dict[str, Any]
    over: str = ""
    seen: Path | None = None


class Made(msgspec.Struct, frozen=True):
    """A state: its digest, what changed, and its columns of ``catalog_snapshots``, None when it is live already."""

    digest: str
    changes: ChangeSummary
    columns: dict[str, Any] | None


class Making:
    """The files of one publication; ``files`` gives those of a source's row. Used once: `part`, then `snapshot`."""

    def __init__(
        self, workspace: Workspace, blobs: Blobs, files: Callable[[Any], Files], engine: duckdb.DuckDBPyConnection,
        steps: Steps, folder: Path, now_ms: int,
    ) -> None:  # fmt: skip
        self._workspace, self._blobs, self._files = workspace, blobs, files
        self._engine, self._steps, self._folder, self._now = engine, steps, folder, now_ms
        self._part: Files | None = None
        self._digests: dict[Path, str] = {}
        self._stepped = False

    def part(self, source: str, part: Part, mine: Any) -> dict[str, Any]:
        """Make the source's part; return its columns of ``catalog_sources``."""
        old = self._files(mine) if mine is not None and mine.digest else None
        if old is not None:
            self._digests |= {old.base: mine.digest} | ({old.patch: mine.patch_digest} if old.patch else {})
        fresh = part.path if part.over else self._steps.narrow(old, part.path, part.items) if old else None
        self._stepped = old is not None and fresh is not None
        if old is not None and fresh is not None:
            self._part = self._steps.put_over(old, fresh)
        else:
            self._part = Files(part.path, None, part.items)
        return {
            "digest": self._kept(self._part.base),
            "patch_digest": self._kept(self._part.patch) if self._part.patch else None,
            "items": self._part.items,
            **self._ages(mine, old, part.seen),
        }

    def _ages(self, mine: Any, old: Files | None, seen: Path | None) -> dict[str, Any]:
        assert self._part is not None
        target = self._folder / "ages.parquet"
        ages: Files | None = None
        if mine is not None and mine.ages_digest:
            patch = self._blobs.path(mine.ages_patch_digest) if mine.ages_patch_digest else None
            ages = Files(self._blobs.path(mine.ages_digest), patch)
        if self._stepped and ages is not None:
            size = grow_older(self._engine, ages, seen, self._now, target)
            if size == 0:
                return {}
            if size <= self._steps.room(self._part.items):
                return {"ages_patch_digest": self._blobs.put(target, move=True)}
            whole = self._folder / "ages-whole.parquet"
            write_ages(self._engine, Files(ages.base, target).table(), whole)
            return {"ages_digest": self._blobs.put(whole, move=True), "ages_patch_digest": None}
        before = _duck.printed(self._engine, old.base, old.patch) if old else None
        after = _duck.printed(self._engine, self._part.base, self._part.patch)
        first_seen(self._engine, ages.table() if ages else None, before, after, self._now, target)
        return {"ages_digest": self._blobs.put(target, move=True), "ages_patch_digest": None}

    def snapshot(self, source: str, states: dict[str, Any], live: Any, old: Files | None) -> Made:
        """Make the catalogue of all sources; ``live`` is the row of the state that is live, ``old`` its files."""
        assert self._part is not None
        parts = {name: self._files(row) for name, row in states.items() if row.digest and name != source}
        every = {**parts, source: self._part}
        order = self._order(every, source)
        recipe = hashlib.sha256(repr([(name, extra) for name, extra in order]).encode()).hexdigest()
        follows = self._stepped and live is not None and live.recipe == recipe
        if len(order) == 1:
            files = self._part
            mine = states.get(source)
            follows = follows and mine is not None and _same_files(live, mine)
        elif follows and old is not None:
            files = self._steps.put_over(old, self._merged_step(every, order))
        else:
            files = self._merged([(every[name].table(), extra) for name, extra in order])
        base = self._kept(files.base)
        patch = self._kept(files.patch) if files.patch else None
        digest = hashlib.sha256(f"{base}\n{patch}".encode()).hexdigest() if patch else base
        if live is not None and live.digest == digest:
            return Made(digest, ChangeSummary(), None)
        if follows:
            step = "SELECT id, was, now FROM step WHERE was IS DISTINCT FROM now"
            self._engine.execute(f"CREATE OR REPLACE TEMP TABLE differences AS {step}")
            changes, _ = told(self._engine, "before", "fresh", 0)
        else:
            changes, _ = compare(self._engine, old, files, 0)
        columns = {
            "base_digest": base if patch else None, "patch_digest": patch, "recipe": recipe, "items": files.items,
            "taken_ms": self._now, "changes": msgspec.msgpack.encode(changes), "changed_digest": None,
            **self._offers(files, base, live),
        }  # fmt: skip
        if live is not None:
            target = self._folder / "differing.parquet"
            write_differences(self._engine, target)
            columns["changed_digest"] = self._blobs.put(target, move=True)
        return Made(digest, changes, columns)

    def _order(self, parts: dict[str, Files], source: str) -> list[tuple[str, bool]]:
        """Return the sources in the order in which they count, each with whether it is only a supplement."""
        known = self._workspace.catalog.source
        supplements = {one.name for one in known if one.options.get("supplement") is True}
        names = [one.name for one in known] or sorted(parts)
        names += [source] if source not in names else []
        order = [(name, name in supplements) for name in names if name in parts]
        if all(extra for _, extra in order):
            order = [(name, False) for name, _ in order]
        return order

    def _merged(self, tables: list[tuple[str, bool]]) -> Files:
        folder = self._folder / "merge"
        folder.mkdir()
        merged = merge(tables, folder)
        (items,) = self._engine.execute(f"SELECT count(*) FROM {_duck.parquet(merged)}").fetchone() or (0,)
        return Files(merged, None, int(items))

    def _merged_step(self, parts: dict[str, Files], order: list[tuple[str, bool]]) -> Path:
        """Merge only the items that differ in a part, as what to put over the catalogue."""
        tables = []
        for number, (name, extra) in enumerate(order):
            target = self._folder / f"part-{number}.parquet"
            columns = ", ".join((*_duck.COLUMNS, *_duck.PLACE))
            rows = f"SELECT {columns} FROM {parts[name].table()} SEMI JOIN (SELECT id FROM step) USING (id)"
            _duck.write_items(self._engine, rows, target)
            tables.append((_duck.parquet(target), extra))
        merged = self._merged(tables)
        return self._steps.write(
            f"SELECT * EXCLUDE (print), FALSE AS gone FROM {_duck.parquet(merged.base)} "
            f"UNION ALL BY NAME SELECT id, TRUE AS gone FROM step WHERE id NOT IN (SELECT id FROM {_duck.parquet(merged.base)})"
        )

    def _offers(self, files: Files, base: str, live: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"offers_patch_digest": None}
        if live is not None and (live.base_digest or live.digest) == base:
            found["offers_digest"] = live.offers_digest
        else:
            target = self._folder / "offers"
            build_index(self._engine, _duck.parquet(files.base), target)
            found["offers_digest"] = self._blobs.put(target, move=True)
        if files.patch:
            target = self._folder / "offers-patch"
            build_patch(self._engine, _duck.parquet(files.patch), target)
            found["offers_patch_digest"] = self._blobs.put(target, move=True)
        return found

    def _kept(self, path: Path) -> str:
        """Return the digest of a file, which is stored unless it is known."""
        if path not in self._digests:
            self._digests[path] = self._blobs.put(path)
        return self._digests[path]


def _same_files(live: Any, mine: Any) -> bool:
    return bool((live.base_digest or live.digest) == mine.digest and live.patch_digest == mine.patch_digest)
