"""The whole street with values planted in every field, and with faults in the consent code: nothing leaks, nothing leaves."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from litestar.testing import AsyncTestClient
from prometheus_client import REGISTRY, generate_latest

from rekindle.console import create_console
from rekindle.egress import status
from rekindle.egress.http import TransportFailed
from rekindle.egress.trace import trace
from rekindle.privacy.audit import export
from rekindle.privacy.decide import Decision
from rekindle.privacy.vault import VaultUnavailable
from rekindle.workspace import DestinationConsent
from rekindle.workspace.access import ApiKeys
from tests.collect.harness import DENIED
from tests.conftest import FakeClock
from tests.privacy.house import House
from tests.privacy.test_subjects import planted


@pytest_asyncio.fixture
async def house(tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    made = House(tmp_path / "data", clock)
    yield made
    await made.close()


async def test_planted_values_are_in_no_log_metric_error_url_or_ledger(
    house: House, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    event, values = planted(house, "anna")
    # What the shop shows of its own pages and orders is no secret of the person's; it is in no log all the same.
    values += ["anna@canary.example", "canaryuseranna", "canarycookieanna"]
    answers = [await house.take(event)]
    bad = msgspec.json.decode(msgspec.json.encode(event))
    bad["event_id"] = "bad"
    bad["user"]["email"] = {"canaryanna": "anna@canary.example"}
    answers.append(await house.take(bad, event | {"event_id": "bad2", "event_time": "canaryanna0x"}))
    with monkeypatch.context() as patch:

        async def full(records: object) -> None:
            raise RuntimeError(f"cannot store {event!r}")

        patch.setattr(house.installation.log, "append", full)
        answers.append(await house.take(event | {"event_id": "lost"}))
    house.platform.answer = msgspec.structs.replace(house.platform.answer, status=500, body=msgspec.json.encode(event))
    await house.settle()

    async def down(request: Any, limits: Any) -> Any:
        raise TransportFailed("reset")

    with monkeypatch.context() as patch:
        patch.setattr(house.platform, "send", down)
        house.clock.advance(3_600_000)
        await house.settle()
    house.platform.answer = msgspec.structs.replace(house.platform.answer, status=400)
    house.clock.advance(3_600_000)
    await house.settle()
    answers.append(await house.take(event | {"event_id": "denied", "consent": DENIED}))
    await house.settle()
    ledger = io.BytesIO()
    export(house.installation.database, ledger)
    dead = status.dead_letters(house.installation.database, "shop")
    traced = await trace(house.installation.database, house.installation.log, "shop", "bad")
    shown = await _console(house)
    captured = capfd.readouterr()
    told = {
        "answers": b"".join(answer.body for answer in answers[2:] if answer.status),
        "logs": (captured.out + captured.err).encode(),
        "metrics": generate_latest(REGISTRY),
        "urls": "".join(request.url for request in house.platform.requests).encode(),
        "dead letters": "".join(letter.detail for letter in dead).encode(),
        "trace": repr(traced).encode(),
        "ledger": ledger.getvalue(),
        "console": shown,
        "configuration": msgspec.json.encode(house.installation.versions.live()),
    }
    assert house.platform.requests
    found = {
        place: [value for value in values if value.encode() in text]
        for place, text in told.items()
        if any(value.encode() in text for value in values)
    }
    # The console's readers may see which page it was; everybody who was on it did.
    assert found.pop("console") == [value for value in values if value.endswith("path")]
    assert found == {}


async def _console(house: House) -> bytes:
    """Return everything that the console tells of the shop."""
    installation = house.installation
    app = create_console(
        installation.database, installation.log, installation.workspaces, house.clock, installation.record
    )
    key = ApiKeys(installation.database, house.clock).create("shop", "reader", {"read"}, "anna").text
    told = []
    async with AsyncTestClient(app) as client:
        for path in (
            "overview", "events", "events/bad", "feeds", "audiences", "destinations", "destinations/hook",
            "destinations/hook/dead-letters", "ledger", "events/not-there",
        ):  # fmt: skip
            answer = await client.get(f"/api/w/shop/{path}", headers={"authorization": f"Bearer {key}"})
            assert answer.status_code in (200, 404), (path, answer.text)
            told.append(answer.content)
    return b"".join(told)


def _raises(error: Exception) -> Callable[..., Any]:
    def broken(*words: object, **named: object) -> Any:
        raise error

    return broken


@pytest.mark.parametrize(
    "place",
    [
        "rekindle.privacy.decide.read_choice",
        "rekindle.egress._prepare.decide",
        "rekindle.privacy.consents.ConsentView.latest",
        "rekindle.privacy.suppression.Suppression.suppressed_among",
        "rekindle.privacy.consents.ConsentView.refresh",
        "rekindle.privacy.pseudonyms.Pseudonymiser.aliases",
        "rekindle.privacy.pseudonyms.Pseudonymiser.root",
        "rekindle.privacy.vault.Vault.open",
        "rekindle.privacy.ledger.Ledger.append",
    ],
)
@pytest.mark.parametrize("error", [RuntimeError("broken"), TimeoutError(), VaultUnavailable("gone"), MemoryError()])
async def test_a_fault_in_the_consent_code_sends_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    await house.take(planted(house, "anna")[0])
    with monkeypatch.context() as patch:
        patch.setattr(place, _raises(error))
        for _ in range(3):
            try:
                await house.lane.step()
            except Exception:  # noqa: BLE001 -- the worker's loop logs it and tries again
                continue
    assert house.platform.requests == []


async def test_a_fault_while_the_event_waits_sends_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.platform.answer = msgspec.structs.replace(house.platform.answer, status=500)
    await house.take(planted(house, "anna")[0])
    await house.settle()
    tried = len(house.platform.requests)
    assert tried
    monkeypatch.setattr("rekindle.privacy.decide.read_choice", _raises(RuntimeError("broken")))
    house.clock.advance(3_600_000)
    await house.settle()
    assert len(house.platform.requests) == tried


@pytest.mark.parametrize(
    "rule", [DestinationConsent(consent_mode=[]), DestinationConsent(consent_mode=["ad_user_data"])]
)
async def test_missing_configuration_or_signals_send_nothing(house: House, rule: DestinationConsent) -> None:
    await house.take(house.event("e1", user={"email": "a@x.example"}, consent={"ad_storage": "granted"}))
    house.lane = house.new_lane(destination=msgspec.structs.replace(house.destination, consent=rule))
    await house.settle()
    assert house.platform.requests == []
    (count,) = status.outcome_counts(house.installation.database, "shop")
    assert count.outcome == "filtered"


async def test_a_refusal_is_not_turned_into_leave(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision that says yes and brings no permit opens nothing."""
    monkeypatch.setattr("rekindle.egress._prepare.decide", lambda *_, **__: Decision(True, "ok", None, frozenset(), {}))
    await house.take(planted(house, "anna")[0])
    await house.settle()
    assert house.platform.requests == []


async def test_what_a_person_types_as_a_reason_leaves_no_personal_value_in_the_ledger(house: House) -> None:
    installation = house.installation
    shop = installation.workspaces()["shop"]
    changed = msgspec.structs.replace(shop, shop=msgspec.structs.replace(shop.shop, title="Other"))
    reason = "canaryanna@canary.example called from +48 600 555 999"
    made = installation.versions.apply(changed, "anna", reason)
    installation.versions.rollback("shop", 1, "anna", reason)
    installation.record("shop", "anna", "user.add", "canaryanna@canary.example as owner")
    written = io.BytesIO()
    export(installation.database, written)
    text = written.getvalue().decode()
    assert "canary" not in text
    assert "600" not in text
    assert f"{made.digest} [cut] called from [cut]" in text
    assert "[cut] as owner" in text
