"""A snapshot that is a base and a patch is published as the same items in one file are."""

from pathlib import Path

import duckdb

from rekindle.engines.database import open_database
from rekindle.feeds import FeedBuilder
from rekindle.model.ports import Snapshot
from tests.feeds.conftest import GOOGLE, Shelf, product, shop
from tests.scratch import fresh_state


def test_items_of_a_patch_take_their_place(shelf: Shelf, builder: FeedBuilder, blobs, tmp_path: Path) -> None:
    workspace = shop(google=GOOGLE)
    new = [product("a1", title="Newer"), product("b5"), *(product(f"c{n}") for n in range(5, 50))]
    whole = shelf.put(*sorted([*new, product("z")], key=lambda one: one.id))
    plain = builder.build(workspace, "google")
    base = shelf.put(product("a1"), *(product(f"c{n:02}") for n in range(5)), *new[2:], product("z"))
    patch = tmp_path / "patch.parquet"
    duckdb.execute(
        f"COPY (SELECT *, FALSE AS gone FROM '{whole.base}' WHERE id IN ('a1', 'b5') UNION ALL BY NAME "
        f"SELECT id, TRUE AS gone FROM '{base.base}' WHERE id < 'c05' AND id >= 'c' ORDER BY id) TO '{patch}'"
    )
    shelf.snapshot = Snapshot("shop", "0" * 64, base.base, whole.items, 0, patch)
    patched = builder.build(workspace, "google")
    other = open_database(fresh_state(tmp_path / "other.db"))
    alone = FeedBuilder(other, blobs, shelf, builder._clock, tmp_path / "work").build(workspace, "google")
    other.close()
    assert patched.items == plain.items == whole.items
    assert (patched.version, patched.digest, alone.digest) == (plain.version + 1, plain.digest, plain.digest)
    # Some of them are those of all, wherever they are.
    wanted = "SELECT unnest(['a1', 'b5', 'c02', 'c10', 'z', 'none'])"
    found = duckdb.execute(f"SELECT id, title FROM ({shelf.snapshot.some(wanted)}) ORDER BY id").fetchall()
    alike = f"SELECT id, title FROM '{whole.base}' WHERE id IN ({wanted}) ORDER BY id"
    assert found == duckdb.execute(alike).fetchall()
    assert [identity for identity, _ in found] == ["a1", "b5", "c10", "z"]
