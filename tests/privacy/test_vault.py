"""The vault: sealed per person, and gone with the person's key, in every copy of the log."""

from __future__ import annotations

import base64
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.privacy import _tree
from rekindle.privacy._month import MonthTree
from rekindle.privacy._tables import vault_nodes
from rekindle.privacy.keys import Keyring
from rekindle.privacy.vault import Vault, VaultUnavailable
from tests.conftest import FakeClock
from tests.privacy.conftest import MemorySecrets

MONTH = 31 * 86_400_000
SECRET = b"anna.kowalska@example.com"


def test_what_is_sealed_opens_for_the_same_subject(vault: Vault) -> None:
    sealed = vault.seal("shop", "s1_a", SECRET)
    assert SECRET not in sealed
    assert vault.open("shop", "s1_a", sealed) == SECRET


def test_two_seals_of_one_text_differ(vault: Vault) -> None:
    assert vault.seal("shop", "s1_a", SECRET) != vault.seal("shop", "s1_a", SECRET)


def test_a_blob_opens_under_no_other_name(vault: Vault) -> None:
    sealed = vault.seal("shop", "s1_a", SECRET)
    vault.seal("shop", "s1_b", b"x")
    vault.seal("other", "s1_a", b"x")
    assert vault.open("shop", "s1_b", sealed) is None
    assert vault.open("other", "s1_a", sealed) is None


def test_an_altered_blob_does_not_open(vault: Vault) -> None:
    sealed = vault.seal("shop", "s1_a", SECRET)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert vault.open("shop", "s1_a", bytes(changed)) is None
    for length in range(len(sealed)):
        assert vault.open("shop", "s1_a", sealed[:length]) is None


def test_sealing_for_new_visitors_writes_nothing(vault: Vault, database: Database) -> None:
    vault.seal("shop", "s1_first", SECRET)
    with database.read() as connection:
        before = connection.execute(sa.select(vault_nodes)).all()
    for number in range(50):
        vault.seal("shop", f"s1_{number}", SECRET)
    with database.read() as connection:
        assert connection.execute(sa.select(vault_nodes)).all() == before
    assert len(before) == 1


def test_after_destroy_nothing_opens_not_even_a_copy_of_the_log(
    vault: Vault, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    copies = [vault.seal("shop", "s1_a", SECRET)]
    clock.advance(MONTH)
    copies.append(vault.seal("shop", "s1_a", SECRET))
    others = vault.seal("shop", "s1_b", b"stays")
    assert vault.destroy("shop", "s1_a") == 2
    for reader in (vault, Vault(database, keyring, clock)):
        assert [reader.open("shop", "s1_a", copy) for copy in copies] == [None, None]
        assert reader.open("shop", "s1_b", others) == b"stays"


def test_no_stored_node_leads_to_a_destroyed_leaf(vault: Vault, database: Database) -> None:
    vault.seal("shop", "s1_a", SECRET)
    with database.read() as connection:
        (top,) = connection.execute(sa.select(vault_nodes)).all()
    path = _tree.leaf_path("s1_a", 0)
    node = _tree.descend(vault._families._unwrap("shop", top.month, "", top.wrapped)[32 * int(path[0], 16) :][:32], "")
    lost = [_tree.descend(node, path[1:depth]) for depth in range(1, 17)]  # every node on the way, and the leaf
    vault.destroy("shop", "s1_a")
    with database.read() as connection:
        rows = connection.execute(sa.select(vault_nodes)).all()
    stored = {row.path: vault._families._unwrap("shop", row.month, row.path, row.wrapped) for row in rows}
    assert sorted(stored) == sorted(path[:depth] for depth in range(16))
    assert not [each for each in lost if any(each in family for family in stored.values())]
    for place, family in stored.items():
        kept = [family[at : at + 32] != bytes(32) for at in range(0, 512, 32)]
        assert [number for number in range(16) if not kept[number]] == [int(path[len(place)], 16)]


def test_what_was_unwrapped_is_forgotten_with_the_key(
    vault: Vault, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    other = Vault(database, keyring, clock)
    other.seal("shop", "s1_a", SECRET)
    stays = other.seal("shop", "s1_b", SECRET)
    (tree,) = other._trees.values()
    before = tree.opened()
    assert len(before) == 3  # the top's family, and the two subjects' nodes four steps down
    vault.destroy("shop", "s1_a")
    clock.advance(1000)
    assert other.open("shop", "s1_b", stays) == SECRET
    (tree,) = other._trees.values()
    assert tree.opened()
    way = {_tree.leaf("", top, _tree.leaf_path("s1_a", 0), 4) for top in before if len(top) == _tree.FAMILY}
    assert way < before
    assert not way & tree.opened()
    assert not [top for top in before & tree.opened() if len(top) == _tree.FAMILY]


def test_a_tree_of_another_form_is_refused(
    vault: Vault, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    sealed = vault.seal("shop", "s1_a", SECRET)
    month = (sealed[1] << 8) + sealed[2]
    with database.begin() as connection:
        connection.execute(sa.update(vault_nodes).values(wrapped=vault._families._wrap("shop", month, "", bytes(32))))
    with pytest.raises(VaultUnavailable, match="another form"):
        Vault(database, keyring, clock).seal("shop", "s1_a", SECRET)


def test_another_process_notices_within_a_second(
    vault: Vault, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    other = Vault(database, keyring, clock)
    sealed = other.seal("shop", "s1_a", SECRET)
    assert other.open("shop", "s1_a", sealed) == SECRET
    vault.destroy("shop", "s1_a")
    clock.advance(1000)
    assert other.open("shop", "s1_a", sealed) is None


def test_a_reader_that_looked_too_early_finds_the_tree_later(
    database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    writer, reader = Vault(database, keyring, clock), Vault(database, keyring, clock)
    assert reader.open("shop", "s1_a", bytes((1, 2, 168, 0)) + bytes(40)) is None
    assert reader.open("shop", "s1_a", writer.seal("shop", "s1_a", SECRET)) == SECRET


def test_a_person_who_comes_back_gets_a_new_key(vault: Vault) -> None:
    before = vault.seal("shop", "s1_a", b"before")
    vault.destroy("shop", "s1_a")
    after = vault.seal("shop", "s1_a", b"after")
    assert vault.open("shop", "s1_a", before) is None
    assert vault.open("shop", "s1_a", after) == b"after"
    vault.destroy("shop", "s1_a")
    assert vault.open("shop", "s1_a", after) is None


def test_threads_share_a_vault(vault: Vault) -> None:
    def work(number: int) -> bool:
        subject, text = f"s1_{number % 7}", str(number).encode()
        opened = vault.open("shop", subject, vault.seal("shop", subject, text))
        if number % 50 == 0:
            vault.destroy("shop", f"s1_x{number}")
        return opened == text

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(200)))


def test_keys_wrapped_with_another_key_say_so_and_open_nothing(
    vault: Vault, database: Database, secrets: MemorySecrets, clock: FakeClock
) -> None:
    sealed = vault.seal("shop", "s1_a", SECRET)
    secrets.values["keys/vault_1"] = base64.b64encode(bytes(32)).decode()
    with pytest.raises(VaultUnavailable, match="key-encryption key"):
        Vault(database, Keyring(secrets), clock).open("shop", "s1_a", sealed)


def test_a_month_goes_with_its_tree(vault: Vault, clock: FakeClock) -> None:
    old = vault.seal("shop", "s1_a", b"old")
    clock.advance(MONTH)
    new = vault.seal("shop", "s1_a", b"new")
    assert vault.expire("shop", clock.now_ms) == 1
    assert vault.open("shop", "s1_a", old) is None
    assert vault.open("shop", "s1_a", new) == b"new"


def test_keys_survive_a_new_key_encryption_key(
    vault: Vault, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    sealed = vault.seal("shop", "s1_a", SECRET)
    keyring.rotate("vault")
    assert vault.rewrap("shop") == 1
    assert Vault(database, keyring, clock).open("shop", "s1_a", sealed) == SECRET


def test_the_cache_of_keys_is_bounded(database: Database, keyring: Keyring, clock: FakeClock) -> None:
    small = Vault(database, keyring, clock, cached_keys=4)
    blobs = {name: small.seal("shop", name, name.encode()) for name in map(str, range(20))}
    assert len(small._keys) == 4
    assert all(small.open("shop", name, blob) == name.encode() for name, blob in blobs.items())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("0123456789abcdef", min_size=5, max_size=5), unique=True, max_size=12), st.randoms())
def test_a_tree_in_memory_makes_what_the_families_make(cut: list[str], order: random.Random) -> None:
    paths = [digits + "7" * 11 for digits in {*cut, *(f"{number:04x}0" for number in range(0, 65_536, 1_577))}]
    families = {"": bytes(range(1, 255)) + bytes(range(1, 255)) + b"last"}
    for digits in cut:
        place = _tree.covering(families, digits + "7" * 11)
        families |= _tree.without(place, families[place], digits + "7" * 11)
    tree = MonthTree(families, lambda _place, family: family)
    order.shuffle(paths)
    for path in paths * 2:
        place = _tree.covering(families, path)
        assert tree.leaf(path) == _tree.leaf(place, families[place], path)
        assert (tree.leaf(path) is None) == (path[:5] in cut)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("0123456789abcdef", min_size=2, max_size=2), unique=True, min_size=1, max_size=20), st.data())
def test_cutting_leaves_never_touches_the_others(cut: list[str], data: st.DataObject) -> None:
    # Two free digits at a drawn height of the tree: cuts that part early, late and at the leaves.
    height = data.draw(st.integers(0, 14))
    paths = {digits: "5" * height + digits + "a" * (14 - height) for digits in map("{:02x}".format, range(256))}
    top = bytes(range(1, 255)) + bytes(range(1, 255)) + b"last"
    families = {"": top}
    for digits in cut:
        place = _tree.covering(families, paths[digits])
        families |= _tree.without(place, families[place], paths[digits])
    for digits, path in paths.items():
        place = _tree.covering(families, path)
        made = _tree.leaf(place, families[place], path)
        assert made == (None if digits in cut else _tree.leaf("", top, path))
