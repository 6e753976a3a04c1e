"""The ledger: RFC 6962's test vectors, proofs, signed checkpoints, and no record means no action."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.engines.database import Database
from rekindle.privacy import _merkle
from rekindle.privacy._tables import ledger_heads, ledger_lines
from rekindle.privacy.checkpoint import CheckpointInvalid, read_verifier_key, verifier_key, verify
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger, LedgerLine, LedgerUnavailable, checkpoint, lines, lines_about
from tests.conftest import FakeClock

# The leaves and roots that RFC 6962's reference implementation is tested with (certificate-transparency, merkletree).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def line(number: int, workspace: str = "shop") -> LedgerLine:
    return LedgerLine("send", workspace, number, event_id=f"e{number}", destination="meta", facts={"n": number})


@pytest.fixture
def ledger(database: Database, keyring: Keyring, clock: FakeClock) -> Ledger:
    return Ledger(database, keyring, clock)


def test_a_line_holds_the_link_in_place_of_the_subject(database: Database, keyring: Keyring, clock: FakeClock) -> None:
    ledger = Ledger(database, keyring, clock, link=lambda workspace, subject: f"k_{workspace}")
    ledger.append([LedgerLine("send", "shop", 1, event_id="list/s1_canary", subject="s1_canary")])
    (line,) = lines(database, "shop")
    assert (line.line.subject, line.line.event_id) == ("k_shop", "list/k_shop")
    (found,) = lines_about(database, "shop", ["k_shop"])
    assert found == line


def test_roots_are_those_of_rfc_6962() -> None:
    tree = _merkle.Tree()
    assert tree.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf)
        assert tree.root().hex() == root


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.data())
def test_proofs_hold_and_altered_ones_do_not(size: int, data: st.DataObject) -> None:
    hashes = [_merkle.leaf_hash(bytes([number])) for number in range(size)]

    def span(first: int, last: int) -> bytes:
        return _merkle.root_of(hashes[first:last])

    index = data.draw(st.integers(0, size - 1))
    proof = _merkle.inclusion(index, size, span)
    _merkle.verify_inclusion(hashes[index], index, size, proof, span(0, size))
    with pytest.raises(_merkle.ProofInvalid):
        _merkle.verify_inclusion(_merkle.leaf_hash(b"other"), index, size, proof, span(0, size))
    old = data.draw(st.integers(1, size))
    proof = _merkle.consistency(old, size, span)
    _merkle.verify_consistency(old, span(0, old), size, span(0, size), proof)
    with pytest.raises(_merkle.ProofInvalid):
        _merkle.verify_consistency(old, _merkle.leaf_hash(b"other"), size, span(0, size), proof)


def test_lines_come_back_newest_first_by_workspace_kind_and_event(ledger: Ledger, database: Database) -> None:
    ledger.append([line(1), line(2)])
    ledger.append([line(3), LedgerLine("change", "shop", 4, actor="anna", action="apply"), line(5, "other")])
    assert [one.position for one in lines(database, "shop")] == [3, 2, 1, 0]
    assert [one.line.action for one in lines(database, "shop", kind="change")] == ["apply"]
    assert [one.line.at_ms for one in lines(database, "shop", event_id="e2")] == [2]
    assert [one.position for one in lines(database, "shop", before=2, limit=1)] == [1]


def test_the_checkpoint_is_signed_and_names_the_root(ledger: Ledger, database: Database, keyring: Keyring) -> None:
    assert checkpoint(database) is None
    ledger.append([line(number) for number in range(7)])
    origin, key = read_verifier_key(verifier_key("rekindle.local", keyring.ledger_key().public_key()))
    note = checkpoint(database)
    assert note is not None
    found = verify(note, key, origin)
    with database.read() as connection:
        leaves = connection.scalars(sa.select(ledger_lines.c.leaf).order_by(ledger_lines.c.position)).all()
    assert found.size == 7
    assert found.root == _merkle.root_of([_merkle.leaf_hash(leaf) for leaf in leaves])
    with pytest.raises(CheckpointInvalid):
        verify(note.replace("\n7\n", "\n8\n"), key)


def test_two_writers_make_one_tree(database: Database, keyring: Keyring, clock: FakeClock) -> None:
    one, two = Ledger(database, keyring, clock), Ledger(database, keyring, clock)
    for number in range(6):
        (one if number % 2 else two).append([line(number)])
    assert [written.line.at_ms for written in lines(database, "shop")] == [5, 4, 3, 2, 1, 0]


def test_what_cannot_be_recorded_is_refused(ledger: Ledger, database: Database) -> None:
    with pytest.raises(LedgerUnavailable, match="JSON"):
        ledger.append([LedgerLine("send", "shop", 1, facts={"x": object()})])
    with database.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {ledger_lines.name}"))
    with pytest.raises(LedgerUnavailable) as caught:
        ledger.append([LedgerLine("send", "shop", 1, subject="s1_canary")])
    assert "canary" not in str(caught.value)
    with database.read() as connection:
        assert not connection.execute(sa.select(ledger_heads)).all()
