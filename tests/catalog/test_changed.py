"""Which items differ between two kept states: whatever happened in between, and what is kept of it."""

import tempfile
from itertools import combinations
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.catalog import SnapshotStore
from rekindle.catalog.live import Live, Part
from rekindle.catalog.report import Report
from rekindle.catalog.row import Item
from rekindle.catalog.snapshots import STEPS
from rekindle.catalog.staging import stage
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import open_database
from rekindle.model.product import Product
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.conftest import FakeClock

State = dict[str, tuple[str, int | None]]
"""Title and quantity by id."""


class Catalogue:
    """A catalogue of one source whose states a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.database = open_database(folder / "state.db")
        self.database.create_all()
        self.blobs = FolderBlobs(folder / "blobs")
        self.snapshots = SnapshotStore(self.database, self.blobs)
        shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
        workspace = Workspace(shop=shop, catalog=Catalog(source=[Source(name="main", location="x")]))
        self.live = Live(workspace, self.database, self.blobs, self.clock)

    def become(self, state: State) -> str:
        """Make a state live, its items in any order, and return its digest."""
        self.clock.advance(1000)
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            items = [
                Item(row, Product(id=identity, title=title, quantity=quantity, attributes={"n": title}))
                for row, (identity, (title, quantity)) in enumerate(reversed(state.items()))
            ]
            part = stage(items, "main", Path(name), Report())
            return self.live.publish("main", Part(part, len(items), {}), Path(name))[0]

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


@settings(max_examples=25)
@given(STATES)
def test_what_is_told_is_what_differs(states: list[State]) -> None:
    with tempfile.TemporaryDirectory() as name:
        house = Catalogue(Path(name))
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
