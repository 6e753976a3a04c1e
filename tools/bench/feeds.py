"""The feed engine against other writers of the same RSS: `lxml`'s incremental one, Node's fast-xml-parser, PHP's XMLWriter.

"import" makes the snapshot of JSON Lines, "ours" maps and writes one uncompressed file from a snapshot, as they do from JSON Lines; "whole" is a build as the scheduler
makes it, "again" the next one, after the price of 1 % of the items changed, and "one" the one after that, with one more
price, their deltas included. Run: ``python -m tools.bench feeds``
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
from lxml import etree

from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.feeds import FeedBuilder, _sql, content
from rekindle.feeds.deltas import Deltas
from rekindle.feeds.program import Program, compile_feed
from rekindle.feeds.straight import write_file
from rekindle.model.ports import Snapshot
from rekindle.workspace import Feed, Shop, Workspace
from tools.bench._feed_import import import_lines
from tools.bench._feed_writers import HEAD, G, fast_xml, lxml, php, without_node, without_php

ALONE: dict[str, Callable[[Path, Path], dict[str, float]]] = {"fast-xml": fast_xml, "php": php}
"""Ways that are processes of their own and measure themselves."""


def generate(target: Path, count: int) -> None:
    """Write ``count`` products, the same ones every time, as a snapshot."""
    words = _sql.text(
        " ".join(
            f"{a}{b}"
            for a in ["soft", "warm", "deep", "light", "sofa", "chair", "linen", "cotton"]
            for b in ["ness", "cover", "seam", "tone", "fold", "ed", "ing", "s"]
        )
    )
    text = "list_aggregate(list_transform(range(48 + i % 50), k -> w[1 + (hash(i * 101 + k) % 64)::INTEGER]), 'string_agg', ' ')"
    duckdb.connect().execute(
        f"""COPY (SELECT printf('SKU-%08d', i) AS id, 'Sofa cover "' || (i * 7919) % 100003 || '" <' || i % 9 || '> & more' AS title,
          'G' || i // 4 AS group_id, {text} || CASE WHEN i % 3 = 0 THEN '. Made for seat & back.' ELSE '.' END AS description,
          'https://shop.example/p/' || i || '?a=1&b=2' AS link, NULL::VARCHAR AS mobile_link,
          'https://cdn.example/' || i || '.jpg' AS image_link,
          ['https://cdn.example/' || i || '-1.jpg', 'https://cdn.example/' || i || '-2.jpg'] AS additional_image_links,
          (10 + (i * 37) % 90000 / 100.0)::DECIMAL(18,4) AS price,
          CASE WHEN i % 5 = 0 THEN (9 + (i * 37) % 80000 / 100.0)::DECIMAL(18,4) END AS sale_price,
          NULL::BIGINT AS sale_start_ms, NULL::BIGINT AS sale_end_ms, 'PLN' AS currency,
          CASE WHEN i % 11 = 0 THEN 'out_of_stock' ELSE 'in_stock' END AS availability, (i % 50)::BIGINT AS quantity,
          'Brand ' || i % 40 AS brand, '5901234123457' AS gtin, 'M' || i AS mpn, 'new' AS condition,
          '500' AS google_category, 'Home > Covers > ' || i % 30 AS product_type, 'red' AS color, 'M' AS size,
          'cotton' AS material, NULL::VARCHAR AS pattern, 'unisex' AS gender, 'adult' AS age_group,
          NULL::VARCHAR AS shipping_weight, ['label ' || i % 7] AS custom_labels,
          MAP {{'shipping_label': 'light'}} AS attributes, 'bench' AS source, i AS row
          FROM range({count}) t(i), (SELECT string_split({words}, ' ') AS w) ORDER BY id)
          TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480, KV_METADATA {{rekindle: 'clean'}})"""
    )


def ours(snapshot: Path, folder: Path) -> None:
    """Map and write as `rekindle feeds write` does, without rules and checks."""
    plain = Program(compile_feed(Feed(channel="google_merchant")).channel, (), ()).over(snapshot)
    with _sql.connect(folder) as engine:
        write_file(engine, plain, HEAD, _sql.parquet(snapshot), folder / "ours.xml")


def builds(snapshot: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Build as the scheduler does, database, blob store and deltas included: whole, then after 1 % and one price changed."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        shelf = _Shelf(snapshot)
        database = open_database(work / "state.db")
        database.create_all()
        blobs = FolderBlobs(work / "blobs")
        builder = FeedBuilder(database, blobs, shelf, lambda: 0, work / "work")
        shop = Shop(name="shop", title=HEAD.title, origins=[HEAD.link], country="PL", currency="PLN")
        workspace = Workspace(shop=shop, feeds={name: Feed(channel=name) for name in ("google_merchant", "meta")})
        found: dict[str, dict[str, float]] = {}
        for name in ("whole", "again", "one"):
            shelf.state = name
            for feed in workspace.feeds:
                part = mock.patch.object(Deltas, "settle", _timed(Deltas.settle, found, f"delta of {name} {feed}"))
                with _measured(found, f"{name} {feed}"), part:
                    version = builder.build(workspace, feed)
                if (version.patch_digest is None) != (name == "whole"):
                    raise SystemExit(f"{feed}: the build {name} was made otherwise than it should be")
                if feed == "google_merchant" and name == "whole":
                    with (folder / "whole.xml").open("wb") as out:
                        out.writelines(content.plain(blobs, version))
        database.close()
        return found


@contextmanager
def _measured(found: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    started, worked = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    found[name] = {"seconds": seconds, "cpu": cpu, "mb": _peak_mb()}


def _timed(function: Callable[..., bool], found: dict[str, dict[str, float]], name: str) -> Callable[..., bool]:
    """Return the function, measured on its own too."""

    def measured(*given: Any) -> bool:
        with _measured(found, name):
            return function(*given)

    return measured


class _Shelf:
    """The snapshot that is live."""

    def __init__(self, first: Path) -> None:
        self._first = first
        self.state = "whole"

    def current(self, workspace: str) -> Snapshot:
        """See `model.ports.Snapshots.current`."""
        patch = None if self.state == "whole" else self._first.with_suffix(f".{self.state}")
        return Snapshot(workspace, self.state, self._first, 0, 0, patch)

    def changed(self, workspace: str, old: str, new: str, folder: Path) -> Path | None:
        """See `model.ports.Snapshots.changed`; written beforehand, as the catalogue does when a state goes live."""
        return self._first.with_suffix(f".{old}-{new}")


def change(snapshot: Path) -> None:
    """Write two states after the snapshot as patches, another price of 1 % of the items, then of one more; and what changed."""
    some, one = "hash(row) % 100 = 0", "row = 7"
    with duckdb.connect(config={"memory_limit": "400MB", "temp_directory": str(snapshot.parent)}) as engine:
        for name, which in (("again", some), ("one", f"({some} OR {one})")):
            engine.execute(
                f"COPY (SELECT * REPLACE ((price + 1)::DECIMAL(18,4) AS price), FALSE AS gone FROM '{snapshot}' "
                f"WHERE {which} ORDER BY id) TO '{snapshot.with_suffix(f'.{name}')}' "
                "(FORMAT parquet, COMPRESSION zstd, KV_METADATA {rekindle: 'clean'})"
            )
        for name, which in (("whole-again", some), ("again-one", f"{one} AND NOT {some}")):
            engine.execute(
                f"COPY (SELECT id, FALSE AS gone FROM '{snapshot}' WHERE {which} ORDER BY id) "
                f"TO '{snapshot.with_suffix(f'.{name}')}' (FORMAT parquet)"
            )


def source(snapshot: Path) -> Path:
    """Write the products as JSON Lines, which the others read."""
    target = snapshot.with_suffix(".jsonl")
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT * EXCLUDE (source, row) FROM '{snapshot}') TO '{target}' (FORMAT json)")
    return target


def _read(path: Path) -> list[tuple[str | None, int]]:
    found = []
    events: Any = etree.iterparse(str(path), tag="item")
    for _, item in events:
        found.append((item.findtext(f"{{{G}}}id"), len(item)))
        item.clear()
        while item.getprevious() is not None:
            del item.getparent()[0]
    return found


def _one(way: str, snapshot: Path, folder: Path) -> dict[str, Any]:
    """Run one way in a process of its own, so that its memory is its own."""
    if way in ALONE:
        return ALONE[way](snapshot.with_suffix(".jsonl"), folder)
    command = [sys.executable, "-m", "tools.bench.feeds", "--way", way, str(snapshot), str(folder)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(result.stdout)
    return measured


def run(count: int = 1_000_000, rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-feeds-") as name:
        folder = Path(name)
        snapshot = folder / "snapshot.parquet"
        generate(snapshot, count)
        change(snapshot)
        size = source(snapshot).stat().st_size
        print(f"{count:,} products, {size / 1e9:.2f} GB of JSON Lines, {rounds} alternating runs")
        ways = ["ours", "lxml", "builds", "import"]
        for way, skipped in (("fast-xml", without_node()), ("php", without_php())):
            if skipped:
                print(f"{way} is not measured: {skipped}")
            else:
                ways.append(way)
        runs: dict[str, list[dict[str, float]]] = {}
        for number in range(rounds):
            if number == 1:
                _compare(folder, ["ours", "lxml", "whole", *(way for way in ways if way in ALONE)])
            for way in ways:
                measured = _one(way, snapshot, folder)
                for each, figures in measured.items() if way == "builds" else [(way, measured)]:
                    runs.setdefault(each, []).append(figures)
        _print(runs)


def linear(sizes: list[int]) -> None:
    """Print what an item costs at several sizes of the catalogue, one run each: writing, whole builds, builds on another."""
    print(f"{'items':>12}  processor time an item in µs, peak memory in MB")
    for count in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-feeds-") as name:
            folder = Path(name)
            snapshot = folder / "snapshot.parquet"
            generate(snapshot, count)
            change(snapshot)
            found = {"ours": _one("ours", snapshot, folder), **_one("builds", snapshot, folder)}
        told = [f"{way} {each['cpu'] / count * 1e6:.1f}" for way, each in found.items() if not way.startswith("delta")]
        print(f"{count:>12,}  {', '.join(told)}; {max(each['mb'] for each in found.values()):.0f} MB")


def _print(runs: dict[str, list[dict[str, float]]]) -> None:
    for way, found in runs.items():
        seconds, cpu = ([each[kind] for each in found] for kind in ("seconds", "cpu"))
        print(
            f"{way:<22} {statistics.median(seconds):6.2f} s ({min(seconds):.2f}-{max(seconds):.2f}), processor "
            f"{statistics.median(cpu):.2f} s ({min(cpu):.2f}-{max(cpu):.2f}), peak {max(m['mb'] for m in found):.0f} MB"
        )
    both = _sum(
        runs, *(f"{part} {feed}" for part in ("whole", "delta of again") for feed in ("google_merchant", "meta"))
    )
    imported = runs["import"]
    rates = ", ".join(f"{imported[0]['items'] / statistics.median(m[kind] for m in imported):,.0f} a second {words}"
                      for kind, words in (("seconds", "by the clock"), ("cpu", "of the processor")))  # fmt: skip
    print(f"import: {rates}")
    chain = _together(both, imported)
    pairs = [(way, "ours", runs["ours"]) for way in ("lxml", "fast-xml", "php")]
    pairs += [
        ("lxml", "whole google_merchant", runs["whole google_merchant"]),
        ("lxml", "both whole and their deltas", both),
        ("lxml", "import, both whole and their deltas", chain),
    ]
    for feed in ("google_merchant", "meta"):
        pairs += [(f"{a} {feed}", f"whole {feed}", runs[f"whole {feed}"]) for a in ("again", "one")]
    for over, name, under in pairs:
        if over in runs:
            print(f"{over} / {name}: " + ", ".join(_ratio(runs[over], under, kind) for kind in ("seconds", "cpu")))


def _sum(runs: dict[str, list[dict[str, float]]], *ways: str) -> list[dict[str, float]]:
    """Return what several ways took together, run by run."""
    return _together(*(runs[way] for way in ways))


def _together(*ways: list[dict[str, float]]) -> list[dict[str, float]]:
    rows = zip(*ways, strict=True)
    return [{kind: sum(each[kind] for each in row) for kind in ("seconds", "cpu")} for row in rows]


def _compare(folder: Path, ways: list[str]) -> None:
    """Read every file back. Raises `SystemExit` where ids or numbers of attributes differ."""
    first = _read(folder / f"{ways[0]}.xml")
    for way in ways[1:]:
        for one, other in zip_longest(first, _read(folder / f"{way}.xml")):
            if one != other:
                raise SystemExit(f"{ways[0]} wrote {one}, {way} {other}")
    print(f"read back: {len(first):,} items each, same ids, same numbers of attributes")


def _ratio(over: list[dict[str, float]], under: list[dict[str, float]], kind: str) -> str:
    ratios = [a[kind] / b[kind] for a, b in zip(over, under, strict=True)]
    return f"{kind} {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def _peak_mb() -> float:
    """Peak memory of this process alone; `ru_maxrss` on Linux starts from what the parent had at the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench feeds", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--linear", type=int, nargs="+", metavar="ITEMS", help="only ours and builds, at these sizes, once each"
    )
    parser.add_argument("--way", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.linear:
        linear(given.linear)
        return
    if given.way is None:
        run(given.items, given.rounds)
        return
    way, snapshot, folder = given.way
    if way == "builds":
        print(json.dumps(builds(Path(snapshot), Path(folder))))
        return
    if way == "import":
        found = import_lines(Path(snapshot).with_suffix(".jsonl"), Path(folder))
        print(json.dumps({**found, "mb": _peak_mb()}))
        return
    started, worked = time.perf_counter(), time.process_time()
    if way == "lxml":
        lxml(Path(snapshot).with_suffix(".jsonl"), Path(folder))
    else:
        ours(Path(snapshot), Path(folder))
    measured = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - worked, "mb": _peak_mb()}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
