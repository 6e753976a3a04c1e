"""The pseudonyms' key is rotated at any moment, and nobody's audience, choice, suppression or history notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rekindle.audiences._tables import changes, members
from rekindle.cli._subjects import HOLDERS, relink
from rekindle.egress._people import AudienceChange, People, Seal, Told
from rekindle.egress._tables import people
from rekindle.model.outcome import Outcome
from rekindle.model.record import Stored
from rekindle.privacy.keys import KeyUnusable
from tests.collect.harness import DENIED, GRANTED
from tests.conftest import FakeClock
from tests.privacy.house import House, holding

DAY = 86_400_000
AT_ONCE = ("choice", "suppressed", "profile")
PEOPLE = ["anna", "bela", "cyra"]


async def play(house: House, script: list[tuple[str, str]], *, rotations: Mapping[int, bool]) -> dict[str, Any]:
    """Act out a script and return what is known at its end, by person; rotate before the steps named."""
    work = relink(house.installation)
    together = True  # a row stands under the name of its time until it is moved
    for number, (who, act) in enumerate(script):
        if number in rotations:
            before = {name: await known(house, name) for name in PEOPLE}
            work.rotate("anna", 91 * DAY)
            house.clock.advance(1000)
            for name in PEOPLE:  # what decides is known under the new name before anything has moved
                now = await known(house, name)
                assert {fact: now[fact] for fact in AT_ONCE} == {fact: before[name][fact] for fact in AT_ONCE}
            if rotations[number]:
                work.move()
                if together:
                    assert {name: await known(house, name) for name in PEOPLE} == before
            together = rotations[number]
        client = {"client_id": f"canarycookie{who}"}
        if act == "settle":
            await house.settle()
        elif act == "erase":
            await house.erase(f"canarycookie{who}", "cookie")
        else:
            event = house.event(f"e{number}", client=client, consent=DENIED if act == "withdraw" else GRANTED)
            if act == "buy":
                event |= {"event": "purchase"}
                event["ecommerce"] |= {"transaction_id": f"t{number}"}
            await house.take(event)
        house.clock.advance(60_000)
    await house.settle()
    house.clock.advance(60_000)
    work.step()
    await house.settle()
    return {who: await known(house, who) for who in PEOPLE}


async def known(house: House, who: str) -> dict[str, Any]:
    installation = house.installation
    subject = installation.pseudonymiser.subject("shop", "cookie", f"canarycookie{who}")
    with installation.database.read() as connection:
        inside = connection.scalars(sa.select(members.c.audience).where(members.c.subject == subject)).all()
        history = connection.execute(
            sa.select(changes.c.audience, changes.c.entered, changes.c.reason)
            .where(changes.c.subject == subject)
            .order_by(changes.c.id)
        ).all()
    latest = house.consents.latest("shop", subject)
    return {
        "member of": sorted(inside),
        "history": [tuple(row) for row in history],
        "choice": None if latest is None else latest.ad_storage,
        "suppressed": house.consents.suppressed("shop", subject),
        "profile": [(touch.item_id, touch.kind) for touch in house.profiles_of(subject)],
    }


async def events_of(house: House, who: str) -> list[str]:
    exported = await house.exported(await house.person(f"canarycookie{who}", "cookie"))
    return [event["event_id"] for event in exported["events"]]


SCRIPTS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE), st.sampled_from(["view", "view", "buy", "withdraw", "settle", "settle", "erase"])
    ),
    min_size=3,
    max_size=9,
)


@settings(max_examples=5, deadline=None)
@example(
    script=[("anna", "view"), ("anna", "settle"), ("anna", "view"), ("bela", "buy")], rotations={2: False, 3: True}
)
@given(script=SCRIPTS, rotations=st.dictionaries(st.integers(0, 8), st.booleans(), min_size=1, max_size=2))
async def test_a_rotation_at_any_moment_changes_nothing_that_is_known_of_anybody(
    script: list[tuple[str, str]], rotations: dict[int, bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = []
    for given_rotations in ({}, rotations):
        house = House(tmp_path_factory.mktemp("house") / "data", FakeClock())
        found.append(await play(house, script, rotations=given_rotations))
        if any(number < len(script) for number in given_rotations):
            assert relink(house.installation).left() == 0
        found[-1]["events"] = {who: await events_of(house, who) for who in PEOPLE}
        found[-1]["sent"] = sorted(each.decode() for each in sent(house))
        await house.close()
    assert found[0] == found[1]


def sent(house: House) -> list[bytes]:
    return [name.encode() for request in house.platform.requests for name in request.event_ids]


async def test_after_the_window_the_old_key_is_gone_and_old_names_lead_to_nobody(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    house = House(tmp_path_factory.mktemp("house") / "data", FakeClock())
    names = house.installation.pseudonymiser
    await house.take(house.event("a", client={"client_id": "c-anna"}, user={"email": "anna@canary.example"}))
    await house.settle()
    await house.take(house.event("gone", client={"client_id": "c-gone"}))
    await house.settle()
    await house.erase("c-gone", "cookie")
    old = names.subject("shop", "cookie", "c-anna")
    work = relink(house.installation)
    made = work.rotate("anna", 91 * DAY)
    house.clock.advance(61_000)
    assert work.step() > 0
    assert work.left() == 0
    new = names.subject("shop", "cookie", "c-anna")
    person = await house.person("anna@canary.example")
    assert person.browsers == {new, old}
    assert house.installation.keyring.pseudonym_epochs() == (2, 1)
    house.clock.now_ms = made.ends_ms - 1
    work.step()
    assert house.installation.keyring.pseudonym_epochs() == (2, 1)
    house.clock.advance(61_000)
    assert work.step() == 1
    assert house.installation.keyring.pseudonym_epochs() == (2,)
    assert [one.retired_ms for one in work.all()] == [house.clock()]
    house.clock.advance(1000)
    assert names.root(old) is None
    # Nobody can say whose an old name is, so nothing may be done with it.
    assert house.consents.latest("shop", old) is None
    assert house.consents.suppressed("shop", old)
    assert not house.consents.suppressed("shop", new)
    assert house.consents.suppressed("shop", names.subject("shop", "cookie", "c-gone"))
    assert (await house.take(house.event("again", client={"client_id": "c-gone"}))).json()["accepted"] == 0
    with pytest.raises(KeyUnusable):
        house.installation.keyring.pseudonym_key(1)
    await house.close()


async def test_an_erasure_within_the_window_leaves_nothing_under_either_name(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    house = House(tmp_path_factory.mktemp("house") / "data", FakeClock())
    anna = {"client": {"client_id": "canarycookieanna"}, "user": {"email": "anna@canary.example"}}
    await house.take(house.event("one", **anna))
    await house.settle()
    relink(house.installation).rotate("anna", 91 * DAY)
    house.clock.advance(1000)
    await house.take(house.event("two", **anna))
    await house.take(house.event("bela", client={"client_id": "c-bela"}))
    person = await house.person("anna@canary.example")
    assert len(person.names) == 4
    statement = await house.erase("anna@canary.example")
    assert statement["log_records"] == {"of_the_person": 2, "replaced": 2}
    assert statement["search"]["survivors"] == 0, statement["search"]
    assert holding(house.data, [b"canarycookieanna", *(name.encode() for name in person.names)]) == {}
    left = [record.event_id for record in await house.records() if isinstance(record, Stored)]
    assert left == ["bela"]
    await house.close()


async def test_who_is_at_a_platform_stays_there_once_and_leaves_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    house = House(tmp_path_factory.mktemp("house") / "data", FakeClock())
    names, database = house.installation.pseudonymiser, house.installation.database
    lane = People(database, "shop", "list", names)
    old, other = (names.subject("shop", "cookie", one) for one in ("x", "y"))
    seal = Seal(b"sealed", old, (names.subject("shop", "email", "a@x.example"),))
    await lane.take([AudienceChange(1, old, True), AudienceChange(2, other, True)], 1)
    await lane.know({old: seal}, 1)
    await lane.record([Told(old, True, Outcome.DELIVERED, "ok")], 2)
    relink(house.installation).rotate("anna", 91 * DAY)
    house.clock.advance(1000)
    new = names.subject("shop", "cookie", "x")
    await lane.take([AudienceChange(3, new, False)], 3)  # they leave under their new name
    (row,) = [each for each in await lane.due(3, 9) if each.subject == new]
    assert (row.sent, row.wanted, row.sealed, row.sealed_for) == (True, False, b"sealed", old)
    assert row.names == (names.subject("shop", "email", "a@x.example"),)
    assert relink(house.installation).move() == 1
    assert {each.subject for each in await lane.due(3, 9)} == {new, names.subject("shop", "cookie", "y")}
    # A worker that had not noticed writes under the old name once more.
    stale = People(database, "shop", "list")
    await stale.take([AudienceChange(4, old, True)], 4)
    relink(house.installation).move()
    with database.read() as connection:
        rows = connection.execute(sa.select(people).where(people.c.subject == new)).all()
        assert connection.scalar(sa.select(sa.func.count()).select_from(people)) == 2
    assert [(row.sent, row.wanted, row.sealed_for) for row in rows] == [(True, True, old)]
    await house.close()


def test_every_table_under_a_pseudonym_is_moved() -> None:
    """A new table with a column ``subject`` gets a `Holder` that renames, or a place here with the reason."""
    from tests.privacy.test_subjects import every_table

    moved = {table.name for holder in HOLDERS for table in holder.tables}
    apart = {
        "privacy_suppressed",  # by what every name of a person has in common
        "privacy_ledger",  # by a name made with the person's key
    }
    assert {table.name for table in every_table() if "subject" in table.c} == moved | apart


def test_the_command_rotates_and_tells(tmp_path_factory: pytest.TempPathFactory) -> None:
    from click.testing import CliRunner

    from rekindle.cli import main

    house = House(tmp_path_factory.mktemp("house") / "data", FakeClock())
    house.installation.close()
    environment = {"REKINDLE_DATABASE_URL": house.installation.settings.database_url}

    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, ["pseudonyms", *words, "--data", str(house.data)], env=environment)
        assert result.exit_code == status, result.output
        return result.output

    assert "epoch in use: 1; older keys kept: none" in run("status")
    assert "shorter than the log keeps" in run("rotate", "--yes", "--window", "3d", status=1)
    assert "Epoch 2 has begun" in run("rotate", "--yes")
    told = run("status")
    assert "epoch in use: 2; older keys kept: 1" in told
    assert "epoch 2: began" in told
