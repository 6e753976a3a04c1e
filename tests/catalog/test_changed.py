"""Which items differ between two kept states: whatever happened in between, and what is kept of it."""

import tempfile
from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.catalog import Ages, SnapshotOffers, SnapshotStore, _duck
from rekindle.catalog.live import Live, Part, Published, key_of
from rekindle.catalog.partial import rows_over
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item
from rekindle.catalog.snapshots import STEPS
from rekindle.catalog.staging import stage
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.model.product import Product
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.conftest import FakeClock
from tests.scratch import fresh_state

State = dict[str, tuple[str, int | None]]
"""Title and quantity by id."""


class Catalogue:
    """A catalogue of one source whose states a test sets; ``share`` is what a patch may have of its base."""

    def __init__(self, folder: Path, share: float = 0.05, *more: Source) -> None:
        self.folder, self.clock = folder, FakeClock()
        folder.mkdir(exist_ok=True)
        self.database = open_database(fresh_state(folder / "state.db"))
        self.blobs = FolderBlobs(folder / "blobs")
        self.snapshots = SnapshotStore(self.database, self.blobs)
        shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
        workspace = Workspace(shop=shop, catalog=Catalog(source=[Source(name="main", location="x"), *more]))
        self.live = Live(workspace, self.database, self.blobs, self.clock, share=share)

    def become(self, state: State) -> str:
        """Make a state live, its items in any order, and return its digest."""
        items = [
            Item(row, Product(id=identity, title=title, quantity=quantity, attributes={"n": title}))
            for row, (identity, (title, quantity)) in enumerate(reversed(state.items()))
        ]
        return self.import_("main", items).digest

    def import_(self, source: str, items: Sequence[Item]) -> Published:
        """Make a whole part live."""
        self.clock.advance(1000)
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            part = stage(items, source, Path(name), Report())
            return self.live.publish(source, Part(part, len(items), {"read_ms": self.clock()}), Path(name))

    def refresh(self, source: str, items: Sequence[Item], origins: Collection[str]) -> Published | None:
        """Put items over a part, as webhooks do; ``origins`` were read again whole."""
        self.clock.advance(1000)
        with self.database.read() as connection:
            state = self.live.states(connection).get(source)
        if state is None:
            return None
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            fresh = stage(items, source, Path(name), Report())
            rows, seen = rows_over(self.live.files(state), fresh, origins, Path(name))
            return self.live.publish(source, Part(rows, 0, {}, key_of(state), seen), Path(name))

    def items(self) -> list[tuple[object, ...]]:
        """Return the live items, whole."""
        snapshot = self.snapshots.current("shop")
        if snapshot is None:
            return []
        columns = ", ".join((*_duck.COLUMNS, "source", "row"))
        found = duckdb.sql(f"SELECT {columns} FROM {snapshot.table()} ORDER BY id").fetchall()
        assert len(found) == snapshot.items
        return found

    def changed(self, old: str, new: str) -> list[tuple[str, bool]] | None:
        """Return what the port says."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            found = self.snapshots.changed("shop", old, new, Path(name))
            return None if found is None else duckdb.sql(f"SELECT id, gone FROM '{found}'").fetchall()


def differing(old: State, new: State) -> list[tuple[str, bool]]:
    """Compare item by item."""
    return sorted((key, key not in new) for key in {*old, *new} if old.get(key) != new.get(key))


STATES = st.lists(
    st.dictionaries(st.sampled_from("abcdeż"), st.tuples(st.sampled_from(["x", ""]), st.sampled_from([None, 0, 7]))),
    min_size=2,
    max_size=6,
)


@settings(max_examples=12)
@given(STATES, st.sampled_from([0.0, 0.4, 2.0]))
def test_what_is_told_is_what_differs(states: list[State], share: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        house = Catalogue(Path(name), share)
        digests = [house.become(state) for state in states]
        live = house.snapshots.current("shop")
        assert live is not None
        assert live.digest == digests[-1]
        for one, other in combinations(range(len(states)), 2):
            found = house.changed(digests[one], digests[other])
            if found is None:
                # Only a state that came back may hide the way to those before it, and never between neighbours.
                assert len(set(digests[one:])) < len(digests[one:])
                assert digests[other - 1] != digests[one] or digests[other] in digests[other + 1 :]
            else:
                assert found == differing(states[one], states[other])
        house.database.close()


def test_a_long_way_is_not_put_together(tmp_path: Path) -> None:
    house = Catalogue(tmp_path)
    digests = [house.become({"a": ("x", number), "b": ("x", 0)}) for number in range(STEPS + 2)]
    assert house.changed(digests[0], digests[STEPS]) == [("a", False)]
    assert house.changed(digests[0], digests[-1]) is None
    assert house.changed(digests[1], digests[-1]) == [("a", False)]
    assert house.changed("0" * 64, digests[-1]) is None


def test_it_goes_with_its_state(tmp_path: Path) -> None:
    house = Catalogue(tmp_path)
    digests = [house.become({"a": ("x", number)}) for number in range(4)]
    house.snapshots.trim("shop", keep=1)
    assert house.changed(digests[2], digests[3]) == [("a", False)]
    assert house.changed(digests[0], digests[3]) is None
    # Two states, each with its items and its changes; their offers, which are none, and the ages of the newest.
    assert sum(path.is_file() for path in (tmp_path / "blobs").rglob("*")) == 2 * 2 + 1 + 1


def test_a_state_that_comes_back_lets_go_of_what_it_named(tmp_path: Path) -> None:
    house = Catalogue(tmp_path)
    first = house.become({"a": ("x", 1)})
    second = house.become({"a": ("x", 2)})
    third = house.become({"a": ("x", 3), "b": ("x", 3)})
    assert house.become({"a": ("x", 2)}) == second
    assert house.changed(third, second) == [("a", False), ("b", True)]
    assert house.changed(second, third) == [("a", False), ("b", False)]
    assert house.changed(first, second) is None
    # Three states, their offers, the ages, and two changes: what led from the first to the second is named no longer.
    assert sum(path.is_file() for path in (tmp_path / "blobs").rglob("*")) == 3 + 1 + 1 + 2


PRODUCTS = st.builds(
    Product,
    id=st.sampled_from(["a", "b", "c", "ż", "A'"]),
    title=st.sampled_from(["", "x", 'a "quoted" \\ line\nof two']),
    link=st.just("https://shop.example/x"),
    image_link=st.sampled_from([None, "https://shop.example/x.jpg"]),
    price=st.sampled_from([None, Decimal(1), Decimal("2.5")]),
    currency=st.just("PLN"),
    quantity=st.sampled_from([None, 1]),
    additional_image_links=st.sampled_from([[], ["", "y"]]),
    attributes=st.sampled_from([{}, {"k": "1"}]),
)
ITEMS = st.lists(
    st.builds(Item, row=st.integers(0, 2), product=PRODUCTS, origin=st.sampled_from(["", "o", "p"])),
    max_size=5,
    unique_by=lambda item: item.product.id,
)
DEEDS = st.lists(
    st.tuples(st.sampled_from(["whole", "some"]), st.sampled_from(["main", "more", "extra"]), ITEMS), max_size=6
)


@settings(max_examples=12)
@given(DEEDS)
def test_patches_show_what_whole_files_would(deeds: list[tuple[str, str, list[Item]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        more = Source(name="more", location="x"), Source(name="extra", location="x", options={"supplement": True})
        houses = [Catalogue(Path(name) / str(share), share, *more) for share in (0.0, 0.4, 3.0)]
        offers = [SnapshotOffers(house.snapshots, house.blobs, house.clock) for house in houses]
        for how, source, items in deeds:
            done = [
                house.import_(source, items) if how == "whole" else house.refresh(source, items, {"o"})
                for house in houses
            ]
            assert len({repr(one and (one.items, one.changes)) for one in done}) == 1
            assert houses[0].items() == houses[1].items() == houses[2].items()
            shown = [one.offers("shop", ["a", "b", "c", "ż", "A'", "z"]) for one in offers]
            assert shown[0] == shown[1] == shown[2]
            ages = [
                [Ages(house.database, house.blobs).of("shop", identity) for identity in ("a", "b", "ż")]
                for house in houses
            ]
            assert ages[0] == ages[1] == ages[2]
        for house, each in zip(houses, offers, strict=True):
            each.close()
            house.database.close()


def test_a_patch_is_small_goes_away_and_becomes_a_base(tmp_path: Path) -> None:
    house = Catalogue(tmp_path, 0.5)
    state: State = dict.fromkeys("abcdefgh", ("x", 1))
    first = house.become(state)
    second = house.become(state | {"a": ("y", 1)})
    current = house.snapshots.current("shop")
    assert current is not None
    assert current.patch is not None
    assert duckdb.sql(f"SELECT id, gone FROM read_parquet('{current.patch}')").fetchall() == [("a", False)]
    assert house.become(state) == first  # nothing differs from the base any more
    current = house.snapshots.current("shop")
    assert current is not None
    assert current.patch is None
    for number in range(4):
        house.become(state | dict.fromkeys("abcdefgh"[: number + 1], ("z", 1)))
    current = house.snapshots.current("shop")
    assert current is not None
    assert current.patch is not None
    base = current.base
    house.become(state | dict.fromkeys("abcde", ("z", 1)))
    current = house.snapshots.current("shop")
    assert current is not None
    assert (current.patch, current.base == base, current.items) == (None, False, 8)
    house.snapshots.trim("shop", keep=0)
    # The new base with its offers, changes and ages.
    assert sum(path.is_file() for path in (tmp_path / "blobs").rglob("*")) == 4
    assert house.changed(second, current.digest) is None
