"""`rekindle deadletters`: look, change the settings, apply, look at the difference, send again."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.cli._compose import open_installation
from rekindle.egress._store import Result, Store, Waiting
from rekindle.egress.status import event_outcomes
from rekindle.engines.log import Keyed
from rekindle.model.event import Client, Ecommerce, Item, Page, User
from rekindle.model.outcome import Outcome
from rekindle.model.record import Stored, encode
from rekindle.model.sealed import Sealed, pack
from tests.egress.world import GRANTED

DESTINATION = """
kind = "meta"
[consent]
consent_mode = ["ad_storage", "ad_user_data", "ad_personalization"]
[settings]
pixel_id = "77"
access_token = { secret = "meta_token" }
"""


def run(shop: Path, *words: str, typed: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(main, [*words, "-w", str(shop)], input=typed)
    return done.exit_code, done.output


async def refused(shop: Path) -> None:
    """An event that came, and that Meta refused."""
    installation = open_installation(shop)
    now = installation.clock()
    person = Sealed(
        Client(ip="203.0.113.9", user_agent="Mozilla/5.0"), User(email="anna@example.com", phone="601234567")
    )
    stored = Stored(
        workspace="shop", event_id="e1", event="purchase", event_time_ms=now - 1000, received_ms=now, source="web",
        subject="s1", page=Page(url="https://shop.example/p/A1"), consent=GRANTED,
        ecommerce=Ecommerce(currency="PLN", value=Decimal("10.50"), items=[Item(item_id="A1")]),
        sealed=installation.vault.seal("shop", "s1", pack(person)),
    )  # fmt: skip
    await installation.log.append([Keyed("s1", encode(stored))])
    (entry,) = await installation.log.tail(None, 1)
    waiting = Waiting(stored, entry.value, entry.partition, entry.offset)
    dead = Result(waiting, Outcome.DEAD, "platform-refused", "code 100/0: no match for the phone number", attempts=1)
    await Store(installation.database, "shop", "meta").record([dead], installation.clock())
    await installation.aclose()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    assert run(folder, "init", str(folder), "--name", "shop")[0] in (0, 2)
    assert CliRunner().invoke(main, ["init", str(folder), "--name", "shop"]).exit_code in (0, 1)
    (folder / "destinations").mkdir(exist_ok=True)
    (folder / "destinations" / "meta.toml").write_text(DESTINATION)
    assert run(folder, "secrets", "set", "meta_token", typed="good\ngood\n")[0] == 0
    assert run(folder, "apply", "--yes")[0] == 0
    asyncio.run(refused(folder))
    return folder


def test_look_repair_look_again_and_send(shop: Path):
    status, told = run(shop, "deadletters", "list")
    assert status == 0
    assert "meta: 1 × platform-refused. Read the platform's words" in told

    status, told = run(shop, "deadletters", "show", "e1")
    assert status == 0, told
    (letter,) = json.loads(told)
    assert letter["words"] == "code 100/0: no match for the phone number"
    assert "apply, then replay" in letter["remedy"]
    assert letter["before"]["body"]["custom_data"]["content_ids"] == ["A1"]
    assert "ph" not in letter["before"]["body"]["user_data"]
    assert not [word for word in ("anna", "601234567", "203.0.113.9") if word in told]

    (shop / "destinations" / "meta.toml").write_text(DESTINATION + 'default_region = "PL"\n')
    assert run(shop, "apply", "--yes")[0] == 0
    status, told = run(shop, "deadletters", "replay", "--destination", "meta", "--dry-run")
    assert status == 0, told
    assert '+     "ph": [' in told
    assert "1 event(s) would go again." in told
    assert outcome(shop) == "dead", "a dry run changes nothing"

    assert "There is nothing" in run(shop, "deadletters", "replay", "--until", "2020-01-01T00:00:00Z")[1]
    status, told = run(shop, "deadletters", "replay", "--reason", "platform-refused", "--event", "e1", "--yes")
    assert (status, told) == (0, "1 event(s) go again.\n")
    assert outcome(shop) == "waiting"


def outcome(shop: Path) -> str:
    installation = open_installation(shop)
    try:
        (found,) = event_outcomes(installation.database, "shop", "e1")
        return found.outcome
    finally:
        installation.close()


def test_every_option_says_what_it_does():
    for name in ("list", "show", "replay"):
        told = CliRunner().invoke(main, ["deadletters", name, "--help"]).output
        for line in told.splitlines():
            words = line.split()
            if words and words[0].startswith("--"):
                assert len(words) > 2 or words[0] in ("--help",), line
