"""Pseudonyms: one for a person and a kind, none to be linked across shops, and keys that are made once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rekindle.engines.secrets import SealedFileSecrets
from rekindle.privacy.keys import Keyring, KeyUnusable
from rekindle.privacy.pseudonyms import Pseudonymiser
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


def test_rotation_gives_new_names_and_can_still_make_the_old(keyring: Keyring, secrets: MemorySecrets) -> None:
    people = Pseudonymiser(keyring)
    old = people.subject("a", "cookie", "x")
    keyring.rotate("pseudonym")
    new = people.subject("a", "cookie", "x")
    assert new.startswith("s2_")
    assert people.subjects("a", "cookie", "x", range(1, 3)) == [old, new]
    assert Pseudonymiser(Keyring(secrets)).subject("a", "cookie", "x") == new


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
    assert secrets.names() == ["keys/cookie", "keys/ledger", "keys/pseudonym_1", "keys/vault_1"]
