"""The feed engine against other writers of the same RSS: `lxml`'s incremental writer and Node's fast-xml-parser.

"ours" maps and writes one uncompressed file, as lxml does; "whole" is a build as the scheduler makes it, "again" and
"one" the next builds, after the price of 1 % of the items and of one item changed, their deltas included.
Run: ``python -m tools.bench feeds``
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
from lxml import etree

from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.feeds import FeedBuilder, _sql
from rekindle.feeds.channel import Head
from rekindle.feeds.items import Items
from rekindle.feeds.output import write_output
from rekindle.feeds.program import Program, compile_feed
from rekindle.feeds.writing import always_filled, columns_of, count_filled, write_items
from rekindle.model.ports import Snapshot
from rekindle.workspace import Feed, Shop, Workspace

G = "http://base.google.com/ns/1.0"
FAST_XML = Path(__file__).parent / "fast_xml"
HEAD = Head("Bench & co", "https://shop.example")


def generate(target: Path, count: int) -> None:
    """Write ``count`` products, the same ones every time, as a snapshot."""
    words = _sql.text(
        " ".join(
            f"{a}{b}"
            for a in ["soft", "warm", "deep", "light", "sofa", "chair", "linen", "cotton"]
            for b in ["ness", "cover", "seam", "tone", "fold", "ed", "ing", "s"]
        )
    )
    text = "list_aggregate(list_transform(range(20 + i % 50), k -> w[1 + (hash(i * 101 + k) % 64)::INTEGER]), 'string_agg', ' ')"
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


def ours(snapshot: Path, folder: Path) -> Path:
    """Map and write, as the builder does, without rules, checks and versions."""
    plain = Program(compile_feed(Feed(channel="google_merchant")).channel, (), ()).over(snapshot)
    target = folder / "ours.xml"
    with _sql.connect(folder) as engine:
        items = folder / "items.parquet"
        write_items(engine, plain, _sql.parquet(snapshot), items)
        table = Items(items).table()
        filled = count_filled(engine, plain.channel, table)
        columns, always = columns_of(plain.channel, filled), always_filled(engine, table, filled)
        write_output(engine, plain.channel, HEAD, items, columns, target, None, always)
    return target


def _products(snapshot: Path) -> Iterator[dict[str, Any]]:
    engine = duckdb.connect()
    result = engine.execute(f"SELECT * FROM read_parquet('{snapshot}')")
    names = [column[0] for column in result.description or ()]
    while rows := result.fetchmany(1000):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def _attributes(product: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name in ("id", "title", "description", "link", "image_link"):
        yield name, product[name]
    for image in product["additional_image_links"][:10]:
        yield "additional_image_link", image
    yield "mobile_link", product["mobile_link"]
    yield "availability", product["availability"]
    yield "price", f"{product['price']:.2f} {product['currency']}"
    if product["sale_price"] is not None and product["sale_price"] < product["price"]:
        yield "sale_price", f"{product['sale_price']:.2f} {product['currency']}"
    yield "google_product_category", product["google_category"]
    for name in (
        "product_type",
        "brand",
        "gtin",
        "mpn",
        "condition",
        "age_group",
        "gender",
        "color",
        "size",
        "material",
        "pattern",
    ):
        yield name, product[name]
    yield "item_group_id", product["group_id"]
    for number, label in enumerate(product["custom_labels"][:5]):
        yield f"custom_label_{number}", label
    yield "shipping_label", product["attributes"].get("shipping_label")


def theirs(snapshot: Path, folder: Path) -> Path:
    """The same mapping, an element at a time, through `lxml`'s incremental writer."""
    target = folder / "lxml.xml"
    with etree.xmlfile(str(target), encoding="UTF-8") as out:
        out.write_declaration()
        with out.element("rss", version="2.0", nsmap={"g": G}), out.element("channel"):
            for name, text in (("title", HEAD.title), ("link", HEAD.link), ("description", HEAD.title)):
                with out.element(name):
                    out.write(text)
            for product in _products(snapshot):
                with out.element("item"):
                    for name, value in _attributes(product):
                        if value is not None:
                            with out.element(f"{{{G}}}{name}"):
                                out.write(value)
    return target


def fast_xml(snapshot: Path, folder: Path) -> dict[str, float]:
    """The same mapping in Node, a thousand items at a time, from JSON Lines."""
    products = folder / "products.jsonl"
    if not products.exists():
        columns = ", ".join(name for name in _sql_columns(snapshot) if name not in ("source", "row"))
        duckdb.connect().execute(f"COPY (SELECT {columns} FROM '{snapshot}' ORDER BY id) TO '{products}' (FORMAT json)")
    command = ["node", str(FAST_XML / "writer.mjs"), str(products), str(folder / "fast-xml.xml"), HEAD.title, HEAD.link]
    measured: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return measured


def _sql_columns(snapshot: Path) -> list[str]:
    return [str(row[0]) for row in duckdb.connect().execute(f"DESCRIBE FROM '{snapshot}'").fetchall()]


def without_node() -> str:
    """Return why fast-xml-parser cannot be measured here, or nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js is not there"
    if not (FAST_XML / "node_modules").is_dir():
        install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(install, cwd=FAST_XML, capture_output=True).returncode:
            return "npm could not install it"
    return ""


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
            shelf.path = snapshot if name == "whole" else snapshot.with_suffix(f".{name}")
            for feed in workspace.feeds:
                started, worked = time.perf_counter(), time.process_time()
                version = builder.build(workspace, feed)
                seconds, cpu = time.perf_counter() - started, time.process_time() - worked
                if (version.patch_digest is None) != (name == "whole"):
                    raise SystemExit(f"{feed}: the build {name} was made otherwise than it should be")
                found[f"{name} {feed}"] = {"seconds": seconds, "cpu": cpu, "mb": _peak_mb()}
                if feed == "google_merchant" and name == "whole":
                    shutil.copy(blobs.path(version.digest), folder / "whole.xml")
        database.close()
        return found


class _Shelf:
    """The snapshot that is live."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def current(self, workspace: str) -> Snapshot:
        """See `model.ports.Snapshots.current`."""
        return Snapshot(workspace, str(self.path), self.path, 0, 0)

    def changed(self, workspace: str, old: str, new: str, folder: Path) -> Path | None:
        """See `model.ports.Snapshots.changed`: unknown here."""
        return None


def change(snapshot: Path) -> None:
    """Write the snapshot again with other prices: of 1 % of the items, and of one."""
    for name, which in (("again", "hash(row) % 100 = 0"), ("one", "row = 7")):
        duckdb.connect(config={"memory_limit": "400MB", "temp_directory": str(snapshot.parent)}).execute(
            f"COPY (SELECT * REPLACE (CASE WHEN {which} THEN price + 1 ELSE price END AS price) FROM '{snapshot}') "
            f"TO '{snapshot.with_suffix(f'.{name}')}' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480, KV_METADATA {rekindle: 'clean'})"
        )


WAYS: dict[str, Callable[[Path, Path], Path]] = {"ours": ours, "lxml": theirs}


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
    if way == "fast-xml":
        return fast_xml(snapshot, folder)
    command = [sys.executable, "-m", "tools.bench.feeds", "--way", way, str(snapshot), str(folder)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(result.stdout)
    return measured


def run(count: int = 100_000, rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-feeds-") as name:
        folder = Path(name)
        snapshot = folder / "snapshot.parquet"
        generate(snapshot, count)
        change(snapshot)
        print(f"{count:,} products, {rounds} alternating runs; snapshot {snapshot.stat().st_size / 1e6:.0f} MB")
        ways = ["ours", "lxml", "builds"]
        if skipped := without_node():
            print(f"fast-xml-parser is left out: {skipped}")
        else:
            ways.append("fast-xml")
        runs: dict[str, list[dict[str, float]]] = {}
        for number in range(rounds):
            if number == 1:
                _compare(folder, ["ours", "lxml", "whole", *ways[3:]])
            for way in ways:
                measured = _one(way, snapshot, folder)
                for each, figures in measured.items() if way == "builds" else [(way, measured)]:
                    runs.setdefault(each, []).append(figures)
        for way, found in runs.items():
            seconds, cpu = ([each[kind] for each in found] for kind in ("seconds", "cpu"))
            print(
                f"{way:<22} {statistics.median(seconds):6.2f} s ({min(seconds):.2f}-{max(seconds):.2f}), processor "
                f"{statistics.median(cpu):.2f} s ({min(cpu):.2f}-{max(cpu):.2f}), peak {max(m['mb'] for m in found):.0f} MB"
            )
        pairs = [("lxml", "ours"), ("lxml", "whole google_merchant"), ("fast-xml", "ours")]
        pairs += [(f"{a} {feed}", f"whole {feed}") for feed in ("google_merchant", "meta") for a in ("again", "one")]
        for over, under in pairs:
            if over in runs:
                print(
                    f"{over} / {under}: "
                    + ", ".join(_ratio(runs[over], runs[under], kind) for kind in ("seconds", "cpu"))
                )


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
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.way is None:
        run(given.items, given.rounds)
        return
    way, snapshot, folder = given.way
    if way == "builds":
        print(json.dumps(builds(Path(snapshot), Path(folder))))
        return
    started, worked = time.perf_counter(), time.process_time()
    WAYS[way](Path(snapshot), Path(folder))
    measured = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - worked, "mb": _peak_mb()}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
