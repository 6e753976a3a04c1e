"""Values planted in every field are nowhere in clear: not in what is stored, told, shown or raised."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from rekindle.engines.database import Database
from rekindle.model.event import Client, Consent, Ecommerce, Page, User
from rekindle.model.record import Stored, encode
from rekindle.model.sealed import Sealed, pack, unpack
from rekindle.privacy.decide import decide, door
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger, LedgerLine
from rekindle.privacy.normalise import PLATFORMS
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.redact import clean_text, clean_url
from rekindle.privacy.vault import Vault
from rekindle.workspace.documents import DestinationConsent, Policy
from tests.conftest import FakeClock

USER = User(
    **{field: f"canary-{field}@example.com" for field in User.__struct_fields__ if field != "external"},
    external={"crm": "canary-external@example.com"},
)
CLIENT = Client(**{field: f"canary-{field}@example.com" for field in Client.__struct_fields__})


def test_a_stored_event_holds_no_planted_value(
    vault: Vault, keyring: Keyring, database: Database, clock: FakeClock
) -> None:
    subject = Pseudonymiser(keyring).subject("shop", "email", str(USER.email))
    page = Page(
        url=clean_url(
            "https://shop.example/canary-path@example.com?email=canary@example.com&q=canary-q%40example.com#canary"
        ),
        referrer=clean_url("https://canary:canary@ref.example/?x=canary"),
        title=clean_text("for canary@example.com"),
    )
    consent = Consent(ad_storage="granted", tcf="canary@example.com", gpp="canary@example.com")
    stored = Stored(
        "shop", "e1", "purchase", clock(), clock(), "web", subject, page, Ecommerce(), Consent(),
        sealed=vault.seal("shop", subject, pack(Sealed(CLIENT, USER))),
    )  # fmt: skip
    assert b"canary" not in encode(stored)
    stored.consent = consent
    decision = decide(
        stored, "meta", DestinationConsent(consent_mode=["ad_storage"]), Policy(), fields=frozenset({"email"}),
        latest=consent, suppressed=False, now_ms=clock(),
    )  # fmt: skip
    line = LedgerLine("decision", "shop", clock(), event_id="e1", subject=subject, facts=decision.facts)
    Ledger(database, keyring, clock).append([line])
    assert "canary" not in f"{decision!r} {door(consent, Policy(), clock())!r} {line!r}"
    vault.destroy("shop", subject)
    with database.read() as connection:
        for table in sa.inspect(database.engine).get_table_names():
            assert "canary" not in repr(connection.execute(sa.text(f'SELECT * FROM "{table}"')).all()), table


def test_what_was_sealed_comes_back_whole(vault: Vault) -> None:
    opened = vault.open("shop", "s1_a", vault.seal("shop", "s1_a", pack(Sealed(CLIENT, USER))))
    assert opened is not None
    assert unpack(opened) == Sealed(CLIENT, USER)


def test_errors_and_refusals_do_not_quote(keyring: Keyring) -> None:
    told = [
        repr(platform.normalise(field, "canary canary"))
        for platform in PLATFORMS.values()
        for field in ("email", "phone", "date_of_birth", "gender", "unknown")
    ]
    assert not [text for text in told if "canary" in text and "reject" in text]
    with pytest.raises(ValueError, match="empty") as caught:
        Pseudonymiser(keyring).subject("shop", "phone", "canary")
    assert "canary" not in str(caught.value)


def test_keys_do_not_show_in_reprs(keyring: Keyring, vault: Vault) -> None:
    keyring.ensure()
    vault.seal("shop", "s1_a", b"x")
    shown = f"{keyring!r} {vault!r}".encode()
    for key in (keyring.pseudonym_key(), keyring.vault_key(), keyring.cookie_key()):
        assert key not in shown
        assert key.hex().encode() not in shown
