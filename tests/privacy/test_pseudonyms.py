"""Pseudonyms: one for a person and a kind, none to be linked across shops, and keys that are made once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rekindle.engines.secrets import SealedFileSecrets
from rekindle.privacy.keys import Keyring, KeyUnusable
from rekindle.privacy.pseudonyms import Pseudonymiser
from tests.conftest import FakeClock
from tests.privacy.conftest import Counted, MemorySecrets


def test_form_and_stability(keyring: Keyring, secrets: MemorySecrets) -> None:
    subject = Pseudonymiser(keyring).subject("shop", "cookie", "abc")
    assert re.fullmatch(r"s1_[a-z2-7]{26}", subject)
    assert Pseudonymiser(Keyring(secrets)).subject("shop", "cookie", "abc") == subject


def test_domains_do_not_meet(keyring: Keyring) -> None:
    make = Pseudonymiser(keyring).subject
    made = {make(shop, kind, "x") for shop in ("a", "b") for kind in ("cookie", "email", "user_id")}
    assert len(made) == 6


def test_spellings_of_one_address_and_one_number_meet(keyring: Keyring) -> None:
    make = Pseudonymiser(keyring).subject
    assert make("a", "email", " Anna@Example.com ") == make("a", "email", "anna@example.com")
    assert make("a", "phone", "+48 601-234-567") == make("a", "phone", "601 234 567", region="PL")


def test_other_ids_are_taken_byte_for_byte(keyring: Keyring) -> None:
    make = Pseudonymiser(keyring).subject
    assert make("a", "user_id", "X") != make("a", "user_id", "x")


@pytest.mark.parametrize(("kind", "raw"), [("email", "  "), ("cookie", ""), ("phone", "none")])
def test_nothing_has_no_pseudonym(keyring: Keyring, kind: str, raw: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        Pseudonymiser(keyring).subject("a", kind, raw)


def test_rotation_gives_new_names_that_lead_to_the_old_ones_and_back(keyring: Keyring, secrets: MemorySecrets) -> None:
    clock = FakeClock()
    people, other = Pseudonymiser(keyring, clock), Pseudonymiser(Keyring(secrets), clock)
    old, apart = people.subject("a", "cookie", "x"), people.subject("a", "cookie", "y")
    assert (people.current(old), people.aliases(old)) == (old, (old,))
    assert other.subject("a", "cookie", "x") == old
    keyring.rotate("pseudonym")
    assert other.subject("a", "cookie", "x") == old  # it has not looked again yet
    clock.advance(1000)
    for one in (people, other, Pseudonymiser(Keyring(secrets), clock)):
        new = one.subject("a", "cookie", "x")
        assert new.startswith("s2_")
        assert one.current(old) == one.current(new) == new
        assert one.aliases(old) == one.aliases(new) == (new, old)
        assert one.root(old) == one.root(new) != one.root(apart)


def test_a_name_of_an_epoch_that_began_elsewhere_is_known_at_once(keyring: Keyring, secrets: MemorySecrets) -> None:
    clock = FakeClock()
    late, ahead = Pseudonymiser(Keyring(secrets), clock), Pseudonymiser(keyring, FakeClock())
    old = ahead.subject("a", "cookie", "x")
    assert late.current(old) == old
    keyring.rotate("pseudonym")
    new = Pseudonymiser(keyring, clock).subject("a", "cookie", "x")
    assert late.aliases(new) == (new, old)


def test_without_its_key_a_name_leads_to_nobody(keyring: Keyring, secrets: MemorySecrets) -> None:
    clock = FakeClock()
    old = Pseudonymiser(keyring, clock).subject("a", "cookie", "x")
    keyring.rotate("pseudonym")
    with pytest.raises(KeyUnusable, match="in use"):
        keyring.retire_pseudonym_key(2)
    running = Pseudonymiser(Keyring(secrets), clock)
    assert running.root(old) is not None
    keyring.retire_pseudonym_key(1)
    clock.advance(1000)
    for one in (running, Pseudonymiser(Keyring(secrets), clock)):
        new = one.subject("a", "cookie", "x")
        assert one.aliases(new) == (new,)
        assert (one.root(old), one.current(old), one.aliases(old)) == (None, old, (old,))
        assert one.root(new) is not None


def test_what_is_no_pseudonym_is_taken_as_it_is(keyring: Keyring) -> None:
    people = Pseudonymiser(keyring, FakeClock())
    for name in ("s1_a", "", "s0_" + "a" * 26, "k_" + "a" * 26):
        assert (people.current(name), people.aliases(name), people.root(name)) == (name, (name,), name)


def test_the_identity_key_is_not_made_beside_older_pseudonyms(secrets: MemorySecrets) -> None:
    Keyring(secrets).ensure()
    del secrets.values["keys/identity"]
    with pytest.raises(KeyUnusable, match="keys/identity"):
        Pseudonymiser(Keyring(secrets), FakeClock()).subject("a", "cookie", "x")


def test_a_lost_key_is_never_replaced_silently(secrets: MemorySecrets) -> None:
    Keyring(secrets).rotate("pseudonym")
    del secrets.values["keys/pseudonym_2"]
    secrets.values["keys/pseudonym_3"] = "not a key"
    ring = Keyring(secrets)
    with pytest.raises(KeyUnusable, match="pseudonym_3"):
        ring.pseudonym_key()
    with pytest.raises(KeyUnusable, match="pseudonym_2"):
        ring.pseudonym_key(2)


def test_a_read_only_store_says_what_to_do() -> None:
    class ReadOnly(MemorySecrets):
        def put(self, name: str, value: str) -> None:
            raise PermissionError("read-only")

    with pytest.raises(KeyUnusable, match="keys/cookie"):
        Keyring(ReadOnly()).cookie_key()


def test_keys_sealed_with_another_master_key_are_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    right = Keyring(SealedFileSecrets(path, b"r" * 32))
    key = right.vault_key()
    with pytest.raises(KeyUnusable, match="vault_1"):
        Keyring(SealedFileSecrets(path, b"w" * 32)).vault_key()
    assert Keyring(SealedFileSecrets(path, b"r" * 32)).vault_key() == key


def test_ensure_makes_every_key(secrets: MemorySecrets) -> None:
    Keyring(secrets, Counted()).ensure()
    assert secrets.names() == ["keys/cookie", "keys/identity", "keys/ledger", "keys/pseudonym_1", "keys/vault_1"]
