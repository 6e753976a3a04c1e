"""A person is found, told everything, and forgotten: nothing of them is in any file, and nobody else loses anything."""

from __future__ import annotations

import base64
import hashlib
import importlib
import pkgutil
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import rekindle
from rekindle.cli import main
from rekindle.cli._compose import Installation
from rekindle.cli._subjects import Subjects
from rekindle.egress import status
from rekindle.egress._tables import outcomes, people, retries
from rekindle.egress.http import HttpTransport, TransportFailed
from rekindle.engines.database import metadata
from rekindle.model.clock import rfc3339
from rekindle.model.record import ConsentChange, Stored, Tally
from rekindle.privacy.audit import verify_ledger
from rekindle.privacy.subjects import (
    CertificateInvalid,
    Removals,
    Requests,
    due_ms,
    verify_certificate,
)
from rekindle.privacy.subjects.certificate import commitment
from rekindle.privacy.subjects.needles import needles
from rekindle.privacy.subjects.person import Kind
from rekindle.privacy.subjects.survivors import search
from tests.collect.harness import DENIED
from tests.conftest import FakeClock
from tests.privacy.house import House, holding

USER = [
    "user_id", "email", "phone", "first_name", "last_name", "gender", "date_of_birth", "street", "city", "region",
    "postal_code", "country",
]  # fmt: skip
CLIENT = [
    "user_agent", "client_id", "device_type", "os", "gclid", "gbraid", "wbraid", "fbp", "fbc", "ttclid", "msclkid",
    "epik", "sccid", "rdt_cid", "li_fat_id", "criteo_gum_id",
]  # fmt: skip


@pytest_asyncio.fixture
async def house(tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    made = House(tmp_path / "data", clock)
    yield made
    await made.close()


def planted(house: House, who: str, number: int = 0) -> tuple[dict[str, Any], list[str]]:
    """Return an event with a value of ``who``'s own in every field that may hold one, and those values."""
    tag = f"canary{who}{number}x"
    user: dict[str, Any] = {field: f"{tag}{field}" for field in USER}
    user |= {"email": f"{who}@canary.example", "user_id": f"canaryuser{who}", "phone": f"+4860055{ord(who[0]):04d}"}
    user["external"] = {"crm": f"{tag}crm"}
    client = {field: f"{tag}{field}" for field in CLIENT} | {"client_id": f"canarycookie{who}", "ip": "203.0.113.77"}
    event = house.event(
        f"{tag}event",
        user=user,
        client=client,
        page={"url": f"https://shop.example/{tag}path", "referrer": f"https://{tag}.example/", "title": f"{tag}title"},
        unknown=f"{tag}extra",
    )
    event["ecommerce"] |= {"transaction_id": f"{tag}order", "coupon": f"{tag}coupon", "search_term": f"{tag}term"}
    values = [
        *(value for value in user.values() if isinstance(value, str)), f"{tag}crm", *client.values(), f"{tag}path",
        f"{tag}.example", f"{tag}title", f"{tag}extra", f"{tag}order", f"{tag}coupon", f"{tag}term",
    ]  # fmt: skip
    values.remove("203.0.113.77")
    return event, values


def forms(values: list[str]) -> list[bytes]:
    found = []
    for value in values:
        plain = value.encode()
        found += [plain, plain.hex().encode(), base64.b64encode(plain).rstrip(b"=")[:-1]]
        found += [hashlib.sha256(plain).digest(), hashlib.sha256(plain).hexdigest().encode()]
    return found


@settings(max_examples=4, deadline=None)
@given(data=st.data())
async def test_an_erased_person_is_in_no_file_and_the_others_are_whole(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    house = House(tmp_path_factory.mktemp("house") / "data", FakeClock())
    people = ["anna", "bela", "cyra"]
    order = data.draw(st.lists(st.sampled_from(people), min_size=4, max_size=12)) + people
    gone = data.draw(st.sampled_from(people))
    kind: Kind = data.draw(st.sampled_from(["email", "user_id", "cookie"]))
    values: dict[str, list[str]] = {name: [] for name in people}
    for number, name in enumerate(order):
        event, told = planted(house, name, number)
        values[name] += told
        await house.take(event)
        house.clock.advance(1000)
        if data.draw(st.booleans()):
            await house.settle()
    await house.settle()
    if data.draw(st.booleans()):
        assert await house.archive()
    names = {"email": f"{gone}@canary.example", "user_id": f"canaryuser{gone}", "cookie": f"canarycookie{gone}"}
    person = await house.person(names[kind], kind)
    others = {
        name: await house.exported(await house.person(f"{name}@canary.example")) for name in people if name != gone
    }
    statement = await house.erase(names[kind], kind)
    assert statement["search"]["survivors"] == 0, statement["search"]
    assert statement["search"]["unread_files"] == []
    assert holding(house.data, forms(values[gone]) + [name.encode() for name in person.names]) == {}
    assert not [record for record in await house.records() if person.owns(record)]
    for name, before in others.items():
        after = await house.exported(await house.person(f"{name}@canary.example"))
        assert after | {"made": ""} == before | {"made": ""}
        assert len(after["events"]) == order.count(name)
        assert {value for value in values[name] if value not in msgspec.json.encode(after).decode()} == set()
    assert (await house.exported(await house.person(names[kind], kind)))["events"] == []
    counts = status.outcome_counts(house.installation.database, "shop")
    assert sum(each.count for each in counts) == len(order)
    await house.close()


async def test_an_export_holds_everything(house: House) -> None:
    event, values = planted(house, "anna")
    await house.take(event)
    await house.settle()
    found = await house.exported(await house.person("anna@canary.example"))
    text = msgspec.json.encode(found).decode()
    assert [value for value in values if value not in text] == []
    assert "203.0.113.77" in text
    assert found["profile"][0]["item_id"] == "A-1"
    assert found["audiences"]["member_of"][0]["audience"] == "viewers"
    assert found["outcomes"][0]["outcome"] == "delivered"
    assert [line["line"]["action"] for line in found["ledger"]] == ["send"]
    assert found["consent"]


async def test_who_was_erased_is_refused_at_the_door(house: House) -> None:
    await house.take(planted(house, "anna")[0])
    await house.settle()
    await house.erase("anna@canary.example")
    house.clock.advance(2000)
    for again in (
        house.event("n1", user={"email": " ANNA@canary.example"}),
        house.event("n2", client={"client_id": "canarycookieanna"}),
        house.event("n3", client={"client_id": "canarycookieanna"}, consent=DENIED),
        house.event("n4", event="consent_update", client={"client_id": "new"}, user={"user_id": "canaryuseranna"}),
    ):
        answer = await house.take(again)
        assert answer.json()["accepted"] == 0
    assert not [record for record in await house.records() if isinstance(record, Stored | ConsentChange)]
    tallies = [record for record in await house.records() if isinstance(record, Tally)]
    assert {record.reason for record in tallies} == {"erased", "suppressed", "consent-denied"}
    assert (await house.take(house.event("n5", user={"email": "bela@canary.example"}))).json()["accepted"] == 1


async def test_a_shared_browser_gives_up_only_what_names_the_person(house: House) -> None:
    tablet = {"client_id": "canarytablet"}
    await house.take(house.event("a1", client=tablet, user={"email": "anna@canary.example"}))
    await house.take(house.event("b1", client=tablet, user={"email": "bela@canary.example"}))
    await house.take(house.event("n1", client=tablet))
    await house.take(house.event("a2", client={"client_id": "annas"}, user={"email": "anna@canary.example"}))
    await house.settle()
    person = await house.person("anna@canary.example")
    assert (len(person.browsers), len(person.shared), len(person.identifiers)) == (1, 1, 1)
    statement = await house.erase("anna@canary.example")
    assert statement["log_records"] == {"of_the_person": 2, "replaced": 2}
    assert any("other people use" in left["why"] for left in statement["left"])
    left = [record.event_id for record in await house.records() if isinstance(record, Stored)]
    assert left == ["b1", "n1"]
    bela = await house.exported(await house.person("bela@canary.example"))
    assert bela["events"][0]["user"] == {"email": "bela@canary.example"}


async def test_a_browser_with_one_person_leads_to_them_and_with_two_to_nobody(house: House) -> None:
    def known(who: str) -> Any:
        return house.installation.pseudonymiser.subject("shop", "email", who)

    await house.take(house.event("a1", client={"client_id": "c1"}, user={"email": "a@x.example"}))
    await house.take(house.event("a2", client={"client_id": "c2"}, user={"email": "a@x.example"}))
    assert (await house.person("c1", "cookie")).identifiers == {known("a@x.example")}
    assert len((await house.person("c1", "cookie")).browsers) == 2
    await house.take(house.event("b1", client={"client_id": "c1"}, user={"email": "b@x.example"}))
    alone = await house.person("c1", "cookie")
    assert (len(alone.names), len(alone.browsers)) == (1, 1)


async def test_what_waits_for_another_try_is_not_sent(house: House) -> None:
    house.platform.answer = msgspec.structs.replace(house.platform.answer, status=500)
    await house.take(planted(house, "anna")[0], planted(house, "bela")[0])
    await house.settle()
    tried = len(house.platform.requests)
    assert tried
    await house.erase("anna@canary.example")
    house.platform.answer = msgspec.structs.replace(house.platform.answer, status=200)
    house.clock.advance(3_600_000)
    await house.settle()
    later = b"".join(request.body for request in house.platform.requests[tried:])
    assert b"canarybela" in later
    assert b"canaryanna" not in later
    found = {f"{each.outcome}/{each.reason}" for each in status.outcome_counts(house.installation.database, "shop")}
    assert found == {"delivered/ok", "filtered/erased"}
    with house.installation.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(retries)) == 0
        ids = connection.scalars(sa.select(outcomes.c.event_id)).all()
    assert not [name for name in ids if "anna" in name]


async def test_an_older_copy_of_the_state_opens_nothing_after_the_keys_were_rotated(
    house: House, tmp_path: Path
) -> None:
    await house.take(planted(house, "anna")[0], planted(house, "bela")[0])
    await house.settle()
    events = [record for record in await house.records() if isinstance(record, Stored)]
    if house.installation.settings.database_url:
        pytest.skip("the older copy is one of the SQLite file")
    with house.installation.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = tmp_path / "copy"
    shutil.copytree(house.data, copy)

    def opened(secrets: Path) -> list[bool]:
        shutil.copy(secrets / "secrets.json", copy / "secrets.json")
        old = Installation(msgspec.structs.replace(house.installation.settings, data=copy), clock=house.clock)
        try:
            return [_opens(old, event) for event in events]
        finally:
            old.close()

    assert opened(house.data) == [True, True]
    assert (await house.erase("anna@canary.example"))["retired_keys"] is None
    assert opened(house.data) == [True, True]  # which is why keys are rotated
    statement = await house.erase("anna@canary.example", rotate_keys=True)
    assert statement["retired_keys"] == 1
    assert opened(house.data) == [False, False]
    assert [_opens(house.installation, event) for event in events] == [False, True]
    fresh = Installation(house.installation.settings, clock=house.clock)
    assert [_opens(fresh, event) for event in events] == [False, True]
    fresh.close()


def _opens(installation: Installation, event: Stored) -> bool:
    try:
        return installation.vault.open("shop", event.subject, event.sealed) is not None
    except Exception:  # noqa: BLE001 -- a missing key and an unreadable one are the same to who would look
        return False


async def test_a_process_that_runs_on_wraps_with_the_rotated_key(house: House) -> None:
    other = Installation(house.installation.settings, clock=house.clock)
    other.vault.seal("shop", "s1_a", b"before")
    await house.take(planted(house, "anna")[0])
    await house.erase("anna@canary.example", rotate_keys=True)
    house.clock.advance(40 * 86_400_000)
    sealed = other.vault.seal("shop", "s1_a", b"a new month's")
    other.close()
    fresh = Installation(house.installation.settings, clock=house.clock)
    assert fresh.vault.open("shop", "s1_a", sealed) == b"a new month's"
    fresh.close()


async def test_the_ledger_stays_whole_and_nobody_can_say_whose_lines_they_are(house: House) -> None:
    await house.take(planted(house, "anna")[0])
    await house.settle()
    vault, name = (
        house.installation.vault,
        house.installation.pseudonymiser.subject("shop", "cookie", "canarycookieanna"),
    )
    before = vault.links("shop", name)
    assert len(before) == 1
    await house.erase("anna@canary.example")
    assert not set(vault.links("shop", name)) & set(before)
    key = house.installation.keyring.ledger_key().public_key()
    assert verify_ledger(house.installation.database, key).size > 2


async def test_the_certificate_is_verified_offline_and_names_nobody(house: House) -> None:
    await house.take(planted(house, "anna")[0])
    await house.settle()
    person = await house.person("anna@canary.example")
    signed, salt = await house.erasure().erase(
        person, actor="anna", law="ccpa", identifier=("email", "anna@canary.example")
    )
    key = house.installation.keyring.ledger_key().public_key()
    statement = verify_certificate(msgspec.json.format(signed, indent=2), key)
    assert statement["person"] == commitment(salt, "anna@canary.example")
    assert statement["platforms"] == [{"destination": "hook", "state": "impossible", "why": "takes nothing back"}]
    assert salt not in signed.decode()
    assert not [name for name in person.names if name in signed.decode()]
    assert "canary.example" not in signed.decode()
    for place in range(0, len(signed), 7):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(CertificateInvalid):
            verify_certificate(bytes(changed), key)
    (request,) = Requests(house.installation.database, house.clock, "shop", house.installation.pseudonymiser).of(
        person.names
    )
    assert (request.state, request.law) == ("done", "ccpa")
    assert request.due_ms - request.received_ms == 45 * 86_400_000


def test_a_month_is_a_calendar_month() -> None:
    def day(text: str) -> int:
        return int(__import__("datetime").datetime.fromisoformat(text + "T12:00:00+00:00").timestamp() * 1000)

    assert due_ms(day("2027-01-31"), "gdpr") == day("2027-02-28")
    assert due_ms(day("2026-12-15"), "gdpr") == day("2027-01-15")
    assert due_ms(day("2026-11-23"), "ccpa") == day("2027-01-07")


async def test_without_a_ledger_nothing_is_erased(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.take(planted(house, "anna")[0])
    before = await house.records()

    def broken(lines: object) -> None:
        raise TransportFailed("down")

    monkeypatch.setattr(house.installation.ledger, "append", broken)
    with pytest.raises(TransportFailed):
        await house.erase("anna@canary.example")
    assert await house.records() == before
    assert len((await house.exported(await house.person("anna@canary.example")))["events"]) == 1


async def test_removals_hold_nothing_in_clear_and_nothing_at_all_once_told(house: House) -> None:
    await house.take(planted(house, "anna")[0])
    await house.settle()
    person = await house.person("anna@canary.example")
    asked: list[str] = []

    async def remove(workspace: str, removals: Removals) -> int:
        assert holding(house.data, [b"anna@canary.example"]) == {}
        for removal, known in removals.due():
            asked.append(str(known[0].user.email))
            removals.again(removal, "not yet")
        return 1

    signed, _ = await house.erasure(audience=["hook"], remove=remove).erase(
        person, actor="anna", law="gdpr", identifier=None
    )
    statement = msgspec.json.decode(signed)["certificate"]
    assert asked == ["anna@canary.example"]
    assert statement["platforms"] == [{"destination": "hook", "state": "pending", "why": "not yet"}]
    assert statement["final"] is False
    installation = house.installation
    removals = Removals(installation.database, installation.keyring, house.clock, "shop")
    requests = Requests(installation.database, house.clock, "shop", installation.pseudonymiser)
    assert requests.all()[0].state == "waiting"
    assert removals.due() == []
    house.clock.advance(61_000)
    assert len(removals.due()) == 1
    again = removals.of(statement["request"])[0]
    until = house.clock() + 86_400_000
    removals.waits(again, ["a b", "c"], house.clock() + 60_000, until, "taken")
    Subjects(installation, HttpTransport()).close_answered("shop")
    assert requests.all()[0].state == "waiting", "taken is not removed"
    house.clock.advance(61_000)
    asked_again, _known = removals.due()[0]
    assert (asked_again.state, asked_again.deadline_ms) == ("asked", until)
    removals.settle(statement["request"], "hook", "removed", "confirmed")
    assert removals.due() == []
    assert [one.state for one in removals.of(statement["request"])] == ["removed"]

    Subjects(installation, HttpTransport()).close_answered("shop")
    done = requests.all()[0]
    assert done.state == "done"
    told = verify_certificate(done.certificate.encode(), installation.keyring.ledger_key().public_key())
    assert told["platforms"] == [{"destination": "hook", "state": "removed", "why": "confirmed"}]
    assert told["completed"] == rfc3339(house.clock())
    assert told["final"] is True
    changed = {"platforms", "final"}
    assert {key: told[key] for key in statement.keys() - changed} == {
        key: statement[key] for key in statement.keys() - changed
    }


@given(value=st.text("abcdefghij@.é+", min_size=6, max_size=30), shift=st.integers(0, 2), form=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_survivor_is_found_in_every_form(
    value: str, shift: int, form: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plain = value.encode()
    hidden = [
        plain,
        plain.hex().encode(),
        base64.b64encode(b"x" * shift + plain + b"yz"),
        base64.urlsafe_b64encode(b"x" * shift + plain),
        hashlib.sha256(plain).digest(),
        hashlib.sha256(plain).hexdigest().encode(),
    ][form]
    folder = tmp_path_factory.mktemp("files")
    wanted = needles([], [("user_id", value)], None)
    (folder / "file").write_bytes(b"\xff" * 100)
    assert search(folder, wanted).survivors == 0
    (folder / "file").write_bytes(b"\xff" * 100 + hidden + b"\xff")
    assert search(folder, wanted).survivors >= 1


def test_a_survivor_over_two_pieces_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekindle.privacy.subjects.survivors._CHUNK", 64)
    (tmp_path / "file").write_bytes(b"." * 60 + b"somebody" + b"." * 300 + b"somebody")
    (found,) = search(tmp_path, needles([], [("user_id", "somebody")], None)).found
    assert (found.what, found.count) == ("user_id, plain", 2)


def test_the_command_finds_exports_erases_and_tells(tmp_path: Path, clock: FakeClock) -> None:
    import asyncio
    import time

    clock.now_ms = int(time.time() * 1000)

    async def fill() -> str:
        house = House(tmp_path / "data", clock)
        await house.take(planted(house, "anna")[0])
        await house.settle()
        await house.close()
        return house.installation.settings.database_url

    database_url = asyncio.run(fill())
    where = ["--data", str(tmp_path / "data")]

    def run(*words: str, told: str | None = None, status: int = 0) -> str:
        result = CliRunner().invoke(main, [*words], input=told, env={"REKINDLE_DATABASE_URL": database_url})
        assert result.exit_code == status, result.output
        return result.output

    assert "events: 1" in run("subject", "find", *where, "--stdin", told="Anna@Canary.example\n")
    assert "stdin" in run("subject", "find", "anna@canary.example", *where, status=2)
    out = tmp_path / "anna.json"
    run("subject", "export", *where, "--stdin", "--out", str(out), told="anna@canary.example\n")
    assert out.stat().st_mode & 0o777 == 0o600
    assert "canaryuseranna" in out.read_text()
    certificate = tmp_path / "certificate.json"
    told = run(
        "subject", "erase", *where, "--stdin", "--yes", "--rotate-keys", "--certificate", str(certificate),
        told="anna@canary.example\n",
    )  # fmt: skip
    assert "0 survivors" in told
    assert "hook: impossible" in told
    key = run("audit", "key", *where).strip()
    salt = told.partition("stored nowhere: ")[2].split()[0]
    proof = ["audit", "verify-certificate", "--key", key, "--salt", salt, str(certificate)]
    assert "0 survivors" in run(*proof, told="anna@canary.example\n")
    run(*proof, told="bela@canary.example\n", status=1)
    assert "erase   done" in run("subject", "status", *where)
    assert "events: 0" in run("subject", "find", *where, "--stdin", told="anna@canary.example\n")
    # The event's id, in the ledger.
    assert holding(tmp_path / "data", [b"canary"]) == ({} if database_url else {"state.db": [b"canary"]})


def every_table() -> list[sa.Table]:
    for module in pkgutil.walk_packages(rekindle.__path__, "rekindle."):
        if module.name.rpartition(".")[2] in ("_tables", "view"):
            importlib.import_module(module.name)
    return metadata.sorted_tables


def test_every_table_that_names_people_or_events_is_dealt_with() -> None:
    """A new table with such a column must get a `Holder`, and then a place here."""
    telling = {"subject", "names", "event_id", "record", "payload", "marks"}
    assert {table.name for table in every_table() if telling & set(table.c.keys())} == {
        "audience_changes", "audience_members", "audience_timers", "audience_visitors",  # AudienceHolder
        "egress_outcomes", "egress_retries", "egress_people",  # OutcomeHolder, ListHolder
        "privacy_consents", "profile_touches",  # ConsentHolder, ProfileHolder
        "privacy_ledger",  # by a name that dies with the key
        "privacy_subject_removals",  # encrypted, emptied when told
        "privacy_subject_requests", "privacy_suppressed",  # hashes
    }  # fmt: skip


async def test_what_audience_lanes_know_goes_too(house: House) -> None:
    def row(subject: str, names: str) -> dict[str, object]:
        told = {"outcome": "", "reason": "", "detail": "", "attempts": 0, "due_ms": None, "updated_ms": 0}
        key = {"workspace": "shop", "destination": "list", "subject": subject, "names": names}
        return key | told | {"sealed": b"", "seen_ms": 0, "wanted": True, "sent": True}

    await house.take(planted(house, "anna")[0])
    person = await house.person("anna@canary.example")
    (browser,) = person.browsers
    with house.installation.database.begin() as connection:
        rows = [row(browser, ""), row("s1_old", sorted(person.identifiers)[0]), row("s1_bela", "s1_other")]
        connection.execute(sa.insert(people), rows)
    assert len((await house.exported(person))["platform lists"]) == 2
    assert (await house.erase("anna@canary.example"))["rows"]["platform lists"] == 2
    with house.installation.database.read() as connection:
        assert connection.scalars(sa.select(people.c.subject)).all() == ["s1_bela"]
