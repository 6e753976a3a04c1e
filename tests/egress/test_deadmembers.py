"""People whom an audience's platform refused: shown without naming them, tried dry, told again through a new permit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.cli._compose import open_installation
from rekindle.egress._people import AudienceChange, People, Seal, Told
from rekindle.egress._tables import people
from rekindle.egress.deadmembers import MemberFilter, find, masked
from rekindle.engines.log import Keyed
from rekindle.model.event import Client, User
from rekindle.model.outcome import Outcome
from rekindle.model.record import ConsentChange, encode
from rekindle.model.sealed import Sealed, pack
from rekindle.privacy import ledger
from tests.egress.world import DENIED, GRANTED

DESTINATION = """
kind = "meta_custom_audience"
audience = "bought"
[consent]
consent_mode = ["ad_storage"]
[settings]
audience_id = "9"
access_token = { secret = "meta_token" }
"""
ANNA, BARTEK, CELINA = (f"s1_{letter * 32}" for letter in "abc")


def run(shop: Path, *words: str, typed: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(main, [*words, "-w", str(shop)], input=typed)
    return done.exit_code, done.output


async def _refused(shop: Path) -> None:
    """Anna and Bartek could not be added, Celina not removed; Bartek has said no since."""
    installation = open_installation(shop)
    now, names = installation.clock(), installation.pseudonymiser
    rows = People(installation.database, "shop", "list", names)
    everybody = (ANNA, BARTEK, CELINA)
    choices = [ConsentChange("shop", now, one, DENIED if one == BARTEK else GRANTED) for one in everybody]
    await installation.log.append([Keyed(one.subject, encode(one)) for one in choices])
    await installation.consents.refresh()
    await installation.consents.close()
    seals = {}
    for one in everybody:
        told = pack(Sealed(Client(), User(email=f"{one[3]}@example.com")))
        seals[one] = Seal(installation.vault.seal("shop", one, told), one, ())
    await rows.know(seals, now)
    await rows.take([AudienceChange(number, one, one != CELINA) for number, one in enumerate(everybody)], now)
    dead = [
        Told(one, one == CELINA, Outcome.DEAD, "platform-refused", f"no match for {one[3]}", 8) for one in everybody
    ]
    await rows.record(dead, now)
    await installation.aclose()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    assert CliRunner().invoke(main, ["init", str(folder), "--name", "shop"]).exit_code == 0
    (folder / "destinations").mkdir(exist_ok=True)
    (folder / "destinations" / "list.toml").write_text(DESTINATION)
    assert run(folder, "secrets", "set", "meta_token", typed="good\ngood\n")[0] == 0
    code, said = run(folder, "apply", "--yes")
    assert code == 0, said
    asyncio.run(_refused(folder))
    return folder


def _state(shop: Path) -> dict[str, tuple[str, str, bool]]:
    installation = open_installation(shop)
    with installation.database.read() as connection:
        rows = connection.execute(sa.select(people)).all()
    installation.close()
    return {row.subject: (row.outcome, row.reason, row.due_ms is not None) for row in rows}


def test_they_are_listed_without_being_named(shop: Path) -> None:
    code, said = run(shop, "deadletters", "members", "list")
    assert code == 0, said
    assert "s1_aaaaaaa…" in said
    assert "a" * 8 not in said
    assert "@" not in said
    assert said.count(" add: platform-refused") == 2
    assert said.count(" remove: platform-refused") == 1
    assert "list: 3 × platform-refused" in said
    code, said = run(shop, "deadletters", "members", "list", "--member", "s1_ccccccc…")
    assert "1 member(s)" in said
    assert "0 member(s)" in run(shop, "deadletters", "members", "list", "--reason", "other")[1]
    assert "0 member(s)" in run(shop, "deadletters", "members", "list", "--outcome", "invalid")[1]
    assert "0 member(s)" in run(shop, "deadletters", "members", "list", "--since", "2999-01-01T00:00:00Z")[1]


def test_a_dry_run_says_what_would_happen_to_each_and_does_nothing(shop: Path) -> None:
    before = _state(shop)
    code, said = run(shop, "deadletters", "members", "replay", "--dry-run")
    assert code == 0, said
    assert "list s1_aaaaaaa…: add, with user." in said
    assert "user.email" in said
    assert "example.com" not in said
    assert "list s1_bbbbbbb…: nothing would be sent" in said
    assert "list s1_ccccccc…: remove" in said
    assert "3 member(s) would be told again." in said
    assert _state(shop) == before


def test_a_replay_gives_the_chosen_back_to_their_lane_and_the_ledger_says_who_did_it(shop: Path) -> None:
    chosen = ("deadletters", "members", "replay", "--member", masked(CELINA), "--author", "ewa")
    assert run(shop, *chosen, typed="n\n")[0] == 1
    assert _state(shop)[CELINA] == ("dead", "platform-refused", False)
    code, said = run(shop, *chosen, "--yes")
    assert (code, said.strip().splitlines()[-1]) == (0, "1 member(s) are told again.")
    state = _state(shop)
    assert state[CELINA] == ("waiting", "replayed", True)
    assert state[ANNA] == ("dead", "platform-refused", False)
    installation = open_installation(shop)
    line = ledger.lines(installation.database, "shop", kind="decision", limit=1)[0].line
    left = find(installation.database, MemberFilter(workspace="shop"), 10)
    installation.close()
    assert (line.action, line.actor, line.destination, line.reason) == ("replay", "ewa", "list", "replayed")
    assert len(left) == 2
    assert "There is nobody to tell again." in run(shop, *chosen, "--yes")[1]
