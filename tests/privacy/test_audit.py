"""Any flipped bit, cut or reordering after a checkpoint is found, in place and on an exported copy."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from rekindle.cli import main
from rekindle.cli._compose import Installation, create
from rekindle.engines.database import Database
from rekindle.privacy import _merkle
from rekindle.privacy._tables import ledger_heads, ledger_lines
from rekindle.privacy.audit import LedgerDamaged, export, prove, verify_export, verify_ledger
from rekindle.privacy.checkpoint import CheckpointInvalid, verify
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger, LedgerLine, checkpoint
from rekindle.settings import Settings
from tests.conftest import FakeClock
from tests.privacy.conftest import Counted, MemorySecrets


@pytest.fixture
def ledger(database: Database, keyring: Keyring, clock: FakeClock) -> Ledger:
    made = Ledger(database, keyring, clock)
    made.append([LedgerLine("send", "shop", number, event_id=f"e{number}") for number in range(9)])
    return made


def copied(database: Database) -> bytes:
    out = io.BytesIO()
    export(database, out)
    return out.getvalue()


def test_an_untouched_ledger_and_its_copy_are_proved(ledger: Ledger, database: Database, keyring: Keyring) -> None:
    key = keyring.ledger_key().public_key()
    older = checkpoint(database)
    ledger.append([LedgerLine("change", "shop", 20, actor="anna")])
    in_place = verify_ledger(database, key, older)
    assert in_place.size == 10
    assert verify_export(io.BytesIO(copied(database)), key, older) == in_place


def test_an_empty_ledger_is_in_order(database: Database, keyring: Keyring) -> None:
    assert verify_ledger(database, keyring.ledger_key().public_key()).size == 0


@examples(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_any_flipped_bit_of_a_copy_is_found(ledger: Ledger, database: Database, keyring: Keyring, seed: int) -> None:
    chance = random.Random(seed)
    changed = bytearray(copied(database))
    place = chance.randrange(len(changed)) if seed % 2 else len(changed) - 1 - chance.randrange(120)
    changed[place] ^= 1 << chance.randrange(8)
    with pytest.raises((LedgerDamaged, CheckpointInvalid)):
        verify_export(io.BytesIO(bytes(changed)), keyring.ledger_key().public_key())


def test_cuts_and_reorderings_of_a_copy_are_found(ledger: Ledger, database: Database, keyring: Keyring) -> None:
    key = keyring.ledger_key().public_key()
    lines = copied(database).splitlines(keepends=True)
    for damaged in (lines[1:], lines[:8] + lines[9:], [lines[1], lines[0], *lines[2:]], lines[:-1], lines[:1] + lines):
        with pytest.raises((LedgerDamaged, CheckpointInvalid)):
            verify_export(damaged, key)


def test_a_rewritten_ledger_does_not_pass_an_older_checkpoint(
    ledger: Ledger, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    key = keyring.ledger_key().public_key()
    older = checkpoint(database)
    for table in (ledger_lines, ledger_heads):
        with database.begin() as connection:
            connection.execute(sa.delete(table))
    forged = Ledger(database, keyring, clock)
    forged.append([LedgerLine("send", "shop", 1)])
    assert verify_ledger(database, key).size == 1
    with pytest.raises(LedgerDamaged, match="older checkpoint has 9 lines"):
        verify_ledger(database, key, older)
    forged.append([LedgerLine("send", "shop", number) for number in range(9)])
    with pytest.raises(LedgerDamaged, match="not those of the older checkpoint"):
        verify_export(io.BytesIO(copied(database)), key, older)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (sa.delete(ledger_lines).where(ledger_lines.c.position == 4), "line 4 is missing"),
        (sa.delete(ledger_lines).where(ledger_lines.c.position == 8), "8 lines are there, 9 were signed"),
        (sa.update(ledger_lines).where(ledger_lines.c.position == 4).values(leaf=b"{}"), "line 4 is not what"),
        (sa.update(ledger_lines).where(ledger_lines.c.position == 4).values(event_id="x"), "line 4 is filed under"),
        (sa.update(ledger_heads).values(checkpoint=""), "no checkpoint"),
    ],
)
def test_damage_in_place_is_found(
    ledger: Ledger, database: Database, keyring: Keyring, change: sa.Update | sa.Delete, told: str
) -> None:
    with database.begin() as connection:
        connection.execute(change)
    with pytest.raises(LedgerDamaged, match=told):
        verify_ledger(database, keyring.ledger_key().public_key())


def test_another_key_is_not_believed(ledger: Ledger, database: Database) -> None:
    def other(size: int) -> bytes:
        return Counted()(size + 1)[1:]

    with pytest.raises(CheckpointInvalid):
        verify_ledger(database, Keyring(MemorySecrets(), other).ledger_key().public_key())


def test_one_line_can_be_proved_alone(ledger: Ledger, database: Database, keyring: Keyring) -> None:
    signed = verify(checkpoint(database) or "", keyring.ledger_key().public_key())
    for position in range(9):
        proof = prove(database, position)
        _merkle.verify_inclusion(_merkle.leaf_hash(proof.leaf), position, proof.size, proof.path, signed.root)
    with pytest.raises(LookupError):
        prove(database, 9)


def test_the_command_verifies_in_place_and_offline(tmp_path: Path) -> None:
    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, ["audit", *words])
        assert result.exit_code == status, result.output
        return result.output

    settings = Settings(data=tmp_path)
    create(settings)
    installation = Installation(settings)
    installation.record("shop", "anna", "apply", "version 1")
    installation.close()
    where = ["--data", str(tmp_path)]
    key, copy, kept = run("key", *where).strip(), tmp_path / "copy.txt", tmp_path / "checkpoint.txt"
    kept.write_text(run("checkpoint", *where), encoding="utf-8")
    run("export", *where, str(copy))
    assert "1 lines are whole" in run("verify", *where)
    assert "1 lines are whole" in run("verify", "--key", key, "--since", str(kept), str(copy))
    run("verify", str(copy), status=2)
    copy.write_bytes(copy.read_bytes().replace(b"anna", b"hans"))
    assert "not what was recorded" in run("verify", "--key", key, str(copy), status=1)


@examples(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_cut_repetition_reordering_or_exchange_of_a_copy_is_found(
    ledger: Ledger, database: Database, keyring: Keyring, data: st.DataObject
) -> None:
    lines = copied(database).splitlines(keepends=True)
    body, note = lines[:9], lines[9:]
    kind = data.draw(st.sampled_from(["cut", "repeat", "order", "join", "part", "tail", "foreign"]))
    at = data.draw(st.integers(0, 8))
    if kind == "cut":
        changed = [*body[:at], *body[data.draw(st.integers(at + 1, 9)) :], *note]
    elif kind == "repeat":
        changed = [*body[: at + 1], *body[at:], *note]
    elif kind == "order":
        order = data.draw(st.permutations(range(9)).filter(lambda found: list(found) != list(range(9))))
        changed = [*(body[place] for place in order), *note]
    elif kind == "join":
        changed = [*body[:at], body[at].removesuffix(b"\n"), *body[at + 1 :], *note]
    elif kind == "part":
        whole = b"".join(lines)
        changed = whole[: data.draw(st.integers(0, len(whole) - 1))].splitlines(keepends=True)
    elif kind == "tail":
        changed = [*lines, data.draw(st.binary(min_size=1, max_size=40))]
    else:
        changed = [*body[:at], data.draw(st.binary(max_size=40)) + b"\n", *body[at + 1 :], *note]
    with pytest.raises((LedgerDamaged, CheckpointInvalid)):
        verify_export(io.BytesIO(b"".join(changed)), keyring.ledger_key().public_key())


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(size=st.integers(0, 8))
def test_a_copy_that_ends_before_a_kept_checkpoint_is_found_even_with_a_genuine_signature(
    database: Database, keyring: Keyring, clock: FakeClock, size: int
) -> None:
    for table in (ledger_lines, ledger_heads):
        with database.begin() as connection:
            connection.execute(sa.delete(table))
    made = Ledger(database, keyring, clock)
    copies = []
    for number in range(9):
        made.append([LedgerLine("send", "shop", number, event_id=f"e{number}")])
        copies.append((copied(database), checkpoint(database)))
    earlier, newest = copies[size][0], copies[-1][1]
    key = keyring.ledger_key().public_key()
    assert verify_export(io.BytesIO(earlier), key).size == size + 1
    if size < 8:
        with pytest.raises(LedgerDamaged, match="older checkpoint has 9 lines"):
            verify_export(io.BytesIO(earlier), key, newest)
