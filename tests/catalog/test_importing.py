"""Imports: what goes live, what is held back, what changed, and what an ad may say of it."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from rekindle.catalog import CatalogImport, RunLog, RunResult, SnapshotOffers, SnapshotStore
from rekindle.egress.fetch import Fetcher
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.conftest import FakeClock


class House:
    """A shop with a catalogue folder, and everything an import needs."""

    def __init__(self, folder: Path, database: Database, clock: FakeClock) -> None:
        self.folder, self.database, self.clock = folder, database, clock
        self.blobs = FolderBlobs(folder / "blobs")
        self.snapshots = SnapshotStore(database, self.blobs)
        self.sources = [Source(name="main", location="main.jsonl")]

    def write(self, *products: dict[str, object], name: str = "main.jsonl") -> None:
        (self.folder / name).write_text("".join(json.dumps(product) + "\n" for product in products))

    def importer(self) -> CatalogImport:
        shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
        workspace = Workspace(shop=shop, catalog=Catalog(source=self.sources))
        fetch = Fetcher(self.folder / "fetched")
        return CatalogImport(workspace, self.database, self.blobs, fetch, self.clock, base=self.folder)

    async def run(self, name: str = "main", *, confirm_shrink: bool = False) -> RunResult:
        source = next(source for source in self.sources if source.name == name)
        self.clock.advance(1000)
        return await self.importer().run(source, confirm_shrink=confirm_shrink)

    def items(self) -> dict[str, dict[str, object]]:
        snapshot = self.snapshots.current("shop")
        assert snapshot is not None
        found = duckdb.sql(f"FROM {snapshot.table()} ORDER BY id")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        assert len(rows) == snapshot.items
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
        return {row["id"]: row for row in rows}


@pytest.fixture
def house(tmp_path: Path, database: Database, clock: FakeClock) -> House:
    return House(tmp_path, database, clock)


def product(identity: str, **fields: object) -> dict[str, object]:
    return {
        "id": identity,
        "title": f"Item {identity}",
        "price": "10.00 PLN",
        "link": f"https://shop.example/{identity}",
        "image_link": f"https://shop.example/{identity}.jpg",
        "availability": "in_stock",
    } | fields


async def test_fields_that_channels_ask_for_and_nobody_fills_are_told_once(house: House) -> None:
    house.write(product("a", link=""), product("b", link="", availability="w magazynie"), product("c"))
    result = await house.run()
    (issue,) = [issue for issue in result.issues if issue.code == "field-empty"]
    assert (issue.attribute, issue.value) == ("link", "2 of 3 items have no link")
    assert house.items()["b"]["availability"] == "in_stock"
    house.sources = [Source(name="main", location="main.jsonl", options={"supplement": True})]
    assert "field-empty" not in (await house.run()).codes, "what adds to others need not be whole"


async def test_the_first_import_goes_live(house: House) -> None:
    house.write(product("b"), product("a", brand="Acme", custom_label_0="x", made_in="PL"))
    result = await house.run()
    assert (result.status, result.items, result.reason) == ("live", 2, "")
    assert result.changes is not None
    assert result.changes.added == 2
    items = house.items()
    assert list(items) == ["a", "b"]
    assert items["a"]["price"] == Decimal("10.0000")
    assert items["a"]["attributes"] == {"made_in": "PL"}
    assert items["a"]["custom_labels"] == ["x"]
    assert (items["a"]["source"], items["a"]["row"]) == ("main", 2)


async def test_an_unchanged_file_is_not_read_again(house: House) -> None:
    house.write(product("a"))
    first = await house.run()
    again = await house.run()
    assert (first.status, again.status) == ("live", "unchanged")
    assert len(house.snapshots.history("shop")) == 1


async def test_other_settings_read_the_same_file_again(house: House) -> None:
    house.write(product("a", link="/a"))
    await house.run()
    house.sources = [Source(name="main", location="main.jsonl", link_base="https://shop.example/")]
    assert (await house.run()).status == "live"
    assert house.items()["a"]["link"] == "https://shop.example/a"


async def test_the_same_items_make_the_same_snapshot(house: House) -> None:
    many = [product(str(n), description="x" * (n % 50)) for n in range(3000)]
    house.write(*many)
    first = await house.run()
    (house.folder / "main.jsonl").write_text((house.folder / "main.jsonl").read_text() + "\n")
    second = await house.run()
    assert second.status == "live"
    assert first.digest == second.digest


async def test_changes_name_items_and_fields(house: House) -> None:
    house.write(product("a"), product("b"), product("c"), product("e"))
    old = await house.run()
    house.write(product("a"), product("b", price="9.50 PLN", brand="Acme"), product("c"), product("d"))
    new = await house.run()
    assert old.digest
    assert new.digest
    changes = house.snapshots.changes("shop", old.digest, new.digest)
    assert changes.added == ["d"]
    assert changes.changed == {"b": ["price", "brand"]}
    assert changes.removed == ["e"]
    back = house.snapshots.changes("shop", new.digest, old.digest)
    assert (back.added, back.removed) == (["e"], ["d"])
    latest = house.snapshots.history("shop")[0]
    assert latest.changes.fields == {"brand": 1, "price": 1}
    assert latest.previous == old.digest


async def test_an_item_that_only_moved_is_no_change(house: House) -> None:
    house.write(product("a"), product("b"))
    old = await house.run()
    house.write(product("b"), product("a"))
    new = await house.run()
    assert old.digest
    assert new.digest
    assert new.changes is not None
    assert (new.changes.added, new.changes.changed, new.changes.removed) == (0, 0, 0)


async def test_an_absurd_shrink_is_held_until_confirmed(house: House) -> None:
    house.write(*[product(str(n)) for n in range(10)])
    await house.run()
    house.write(*[product(str(n)) for n in range(6)])
    held = await house.run()
    assert (held.status, held.reason) == ("held", "shrunk")
    assert "6 items instead of 10" in held.message
    assert len(house.items()) == 10
    again = await house.run()
    assert again.status == "held"  # trying again is no confirmation
    assert (await house.run(confirm_shrink=True)).status == "live"
    assert len(house.items()) == 6


async def test_a_shrink_of_thirty_per_cent_passes(house: House) -> None:
    house.write(*[product(str(n)) for n in range(10)])
    await house.run()
    house.write(*[product(str(n)) for n in range(7)])
    assert (await house.run()).status == "live"


async def test_a_field_that_vanishes_everywhere_is_held(house: House) -> None:
    house.write(product("a"), product("b"))
    await house.run()
    house.write(product("a", image_link=""), product("b", image_link=""))
    held = await house.run()
    assert (held.status, held.reason) == ("held", "field-lost")
    assert "image_link" in held.message


async def test_a_truncated_file_is_never_live_not_even_confirmed(house: House) -> None:
    house.write(product("a"), product("b"))
    await house.run()
    text = (house.folder / "main.jsonl").read_text()
    (house.folder / "main.jsonl").write_text(text + text[:40])
    held = await house.run(confirm_shrink=True)
    assert (held.status, held.reason) == ("held", "incomplete")
    assert "last line" in held.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty-file"),
        (b"  \n \n", "empty-file"),
        (b"<!doctype html><html><body>Hello</body></html>", "html-page"),
        (
            b"<br />\n<b>Notice</b>:  Undefined index: id in <b>/srv/feed.php</b> on line 3<br />\n<rss></rss>",
            "php-output",
        ),
        (b"PHP Warning:  foreach() in /srv/feed.php on line 3\n", "php-output"),
        (b"just some words", "unknown-format"),
        (b"\x1f\x8bnot gzip at all", "packed-damaged"),
    ],
)
async def test_what_is_no_catalogue_is_refused_and_the_last_one_stays(
    house: House, content: bytes, reason: str
) -> None:
    house.write(product("a"))
    await house.run()
    (house.folder / "main.jsonl").write_bytes(content)
    result = await house.run()
    assert (result.status, result.reason) == ("refused", reason)
    assert result.message.startswith("main.jsonl: ")
    assert list(house.items()) == ["a"]


async def test_duplicates_are_listed_and_the_first_counts(house: House) -> None:
    house.write(product("a", title="first"), product("b"), product("a", title="second"), product("a"))
    result = await house.run()
    assert result.items == 2
    assert house.items()["a"]["title"] == "first"
    found = [(issue.row, issue.id, issue.value) for issue in result.issues if issue.code == "duplicate-id"]
    assert found == [(3, "a", "as row 1"), (4, "a", "as row 1")]


async def test_sources_merge_field_by_field_in_their_order(house: House) -> None:
    house.sources = [
        Source(name="main", location="main.jsonl"),
        Source(name="extra", location="extra.jsonl", options={"supplement": True}),
        Source(name="second", location="second.jsonl"),
    ]
    house.write(product("a", brand="", price="", origin="main"), product("b"))
    house.write(
        {"id": "a", "title": "other", "brand": "Acme", "weight": "1"}, {"id": "z", "title": "z"}, name="extra.jsonl"
    )
    house.write(product("a", price="7.00 EUR", sale_price="6.00 EUR"), product("c"), name="second.jsonl")
    for name in ("second", "extra", "main"):
        assert (await house.run(name)).status == "live"
    items = house.items()
    assert list(items) == ["a", "b", "c"]  # a supplement adds no items
    a = items["a"]
    assert (a["title"], a["brand"], a["source"]) == ("Item a", "Acme", "main")
    assert (a["price"], a["sale_price"], a["currency"]) == (Decimal("7.0000"), Decimal("6.0000"), "EUR")
    assert a["attributes"] == {"origin": "main", "weight": "1"}


async def test_step_imports_what_is_due(house: House) -> None:
    house.write(product("a"))
    importer = house.importer()
    assert await importer.step() == 1
    assert await importer.step() == 0
    house.clock.advance(3_600_000)
    assert await importer.step() == 1
    runs = RunLog(house.database).latest("shop")
    assert [run.status for run in runs] == ["unchanged", "live"]


async def test_a_source_that_breaks_is_a_failure_and_not_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.sources = [
        Source(name="odd", location="main.jsonl", kind="jsonl"),
        Source(name="main", location="main.jsonl"),
    ]
    house.write(product("a"))

    def broken(*_: object) -> object:
        raise KeyError("somebody's secret")

    monkeypatch.setattr("rekindle.catalog.sources.jsonl.items", broken)
    importer = house.importer()
    assert await importer.step() == 2
    monkeypatch.undo()
    failed = RunLog(house.database).latest("shop", source="odd")[0]
    assert (failed.status, failed.reason) == ("failed", "fault")
    assert "KeyError" in failed.message
    assert "secret" not in failed.message
    assert (await house.run()).status == "live"


async def test_a_missing_file_is_a_failure_with_its_name(house: House) -> None:
    result = await house.run()
    assert result.status == "refused"
    assert result.reason == "no-such-file"


async def test_offers_follow_clock_and_snapshot(house: House) -> None:
    sale = {"sale_price": "8.00 PLN", "sale_price_effective_date": "2026-09-01T00:00Z/2026-09-02T00:00Z"}
    house.write(product("a", **sale), product("b", availability="out of stock"), product("c", image_link=""))
    await house.run()
    offers = SnapshotOffers(house.snapshots, house.blobs, house.clock)
    found = offers.offers("shop", ["a", "b", "c", "unknown"])
    assert set(found) == {"a", "b"}
    assert found["a"].sale_price is None
    assert not found["b"].in_stock
    house.clock.now_ms = 1_788_220_800_000  # 2026-09-01T00:00:00Z
    assert offers.offers("shop", ["a"])["a"].sale_price == Decimal("8.0000")
    house.clock.now_ms += 86_400_000
    assert offers.offers("shop", ["a"])["a"].sale_price is None
    assert offers.offers("other", ["a"]) == {}
    house.write(product("a", price="11.00 PLN"), product("b"), product("c"))
    await house.run()
    assert offers.offers("shop", ["a"])["a"].price == Decimal("11.0000")
    offers.close()


async def test_old_snapshots_go_and_shared_blobs_stay(house: House) -> None:
    for n in range(5):
        house.write(product("a", price=f"{n + 1}.00 PLN"))
        await house.run()
    assert house.snapshots.trim("shop", keep=2) == 2
    assert len(house.snapshots.history("shop")) == 3
    assert house.items()["a"]["price"] == Decimal("5.0000")
    assert sum(path.is_file() for path in (house.folder / "blobs").rglob("*")) == 10  # and the ages of the newest


async def test_a_packed_catalogue(house: House) -> None:
    house.write(product("a"))
    plain = (house.folder / "main.jsonl").read_bytes()
    (house.folder / "main.jsonl").write_bytes(gzip.compress(plain))
    assert (await house.run()).items == 1
    (house.folder / "main.jsonl").write_bytes(gzip.compress(plain * 40)[:-20])
    held = await house.run()
    assert (held.status, held.reason) == ("held", "incomplete")


async def test_a_product_says_where_it_came_from(house: House) -> None:
    house.write(product("a"), product("b"))
    await house.run()
    found = house.snapshots.product("shop", "b")
    assert found is not None
    assert (found[0].title, found[1], found[2]) == ("Item b", "main", 2)
    assert house.snapshots.product("shop", "B") is None


async def test_offers_of_many_items_are_found_each(house: House) -> None:
    house.write(*(product(f"{number * 7919 % 70_001:05}") for number in range(70_001)))
    assert (await house.run()).items == 70_001
    offers = SnapshotOffers(house.snapshots, house.blobs, house.clock)
    asked = [f"{number:05}" for number in range(0, 70_001, 7)]
    assert list(offers.offers("shop", asked)) == asked
    offers.close()
