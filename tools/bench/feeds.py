"""100,000 products to one Google RSS file: our path against an `lxml` `xmlfile` writer doing the same mapping.

Both read the same Parquet snapshot and write an uncompressed file; neither runs rules or checks in "write only".
"whole build" adds what only we do: rules, checks, the version's Parquet, gzip and the index of ids.
Run: ``python -m tools.bench feeds``
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
from pathlib import Path
from typing import Any

import duckdb
from lxml import etree

from rekindle.feeds import _index, _sql
from rekindle.feeds.channel import Head
from rekindle.feeds.findings import collect
from rekindle.feeds.items import Items
from rekindle.feeds.program import Program, compile_feed
from rekindle.feeds.writing import columns_of, count_filled, write_items, write_output
from rekindle.workspace import Feed

G = "http://base.google.com/ns/1.0"
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
        columns = columns_of(plain.channel, count_filled(engine, plain.channel, Items(items).table()))
        write_output(engine, plain.channel, HEAD, items, columns, target)
    return target


def whole(snapshot: Path, folder: Path) -> Path:
    """Everything that a build does."""
    program = compile_feed(Feed(channel="google_merchant")).over(snapshot)
    items, target = folder / "items.parquet", folder / "whole.xml"
    with _sql.connect(folder) as engine:
        write_items(engine, program, _sql.parquet(snapshot), items)
        table = f"SELECT * FROM {_sql.parquet(items)}"
        products = _sql.parquet(snapshot)
        collect(
            engine, program.checks, table, lambda ids: program.before_checks(f"(FROM {products} WHERE id IN ({ids}))")
        )
        columns = columns_of(program.channel, count_filled(engine, program.channel, table))
        write_output(engine, program.channel, HEAD, items, columns, target, folder / "whole.xml.gz")
        _index.write_index(engine, table, folder / "ids")
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


WAYS: dict[str, Callable[[Path, Path], Path]] = {"ours": ours, "lxml": theirs, "whole": whole}


def _read(path: Path) -> list[tuple[str | None, int]]:
    found = []
    events: Any = etree.iterparse(str(path), tag="item")
    for _, item in events:
        found.append((item.findtext(f"{{{G}}}id"), len(item)))
        item.clear()
        while item.getprevious() is not None:
            del item.getparent()[0]
    return found


def _one(way: str, snapshot: Path, folder: Path) -> dict[str, float]:
    """Run one way in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "tools.bench.feeds", "--way", way, str(snapshot), str(folder)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(result.stdout)
    return measured


def run(count: int = 100_000, rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-feeds-") as name:
        folder = Path(name)
        snapshot = folder / "snapshot.parquet"
        generate(snapshot, count)
        print(f"{count:,} products, {rounds} alternating runs; snapshot {snapshot.stat().st_size / 1e6:.0f} MB")
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                runs[way].append(_one(way, snapshot, folder))
        read = {way: _read(folder / f"{way}.xml") for way in WAYS}
        if not read["ours"] == read["lxml"] == read["whole"]:
            raise SystemExit("the files differ: ids or numbers of attributes are not the same")
        print(f"read back: {len(read['ours']):,} items each, same ids, same numbers of attributes")
        for way, measured in runs.items():
            seconds = [m["seconds"] for m in measured]
            cpu = statistics.median(m["cpu"] for m in measured)
            print(
                f"{way:<6} {statistics.median(seconds):6.2f} s ({min(seconds):.2f}-{max(seconds):.2f}), processor {cpu:.2f} s, "
                f"{(folder / f'{way}.xml').stat().st_size / 1e6:.0f} MB, peak {max(m['mb'] for m in measured):.0f} MB"
            )
        for way in ("ours", "whole"):
            for kind, word in (("seconds", "time"), ("cpu", "processor")):
                ratios = [b[kind] / a[kind] for a, b in zip(runs[way], runs["lxml"], strict=True)]
                print(f"lxml / {way}, {word}: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


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
    started, worked = time.perf_counter(), time.process_time()
    WAYS[way](Path(snapshot), Path(folder))
    measured = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - worked, "mb": _peak_mb()}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
