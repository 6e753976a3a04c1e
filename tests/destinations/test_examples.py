"""Each destination's own examples: what goes in, and the requests or the verdict that come out.

An example with ``events`` is a mapping, one with ``users`` an audience's, one with ``response`` an answer. Where the
platform is simulated, it must take what is sent, and the connector must understand what it answers.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from rekindle import destinations
from rekindle.destinations.preview import Preview, answer_from, preview
from rekindle.destinations.preview_audience import preview_audience
from rekindle.model.clock import parse_rfc3339
from rekindle.model.discover import discover
from rekindle.sandbox.platforms import MetaPlatform
from rekindle.sandbox.platforms.simulated import call, simulated

MODULES: Any = discover("rekindle.destinations")
FILES = sorted(Path(destinations.__path__[0]).glob("*/examples/*.json"))


def examples(kind: str) -> list[Any]:
    return [
        pytest.param(path.parent.parent.name, each, id=f"{path.parent.parent.name}-{each['title']}")
        for path in FILES
        for each in json.loads(path.read_text(encoding="utf-8"))
        if kind in each
    ]


def test_every_destination_has_examples_and_a_manifest():
    for name, module in MODULES.items():
        assert module.manifest.name == name
        assert any(path.parent.parent.name == name for path in FILES), name


def check(name: str, example: dict[str, Any], found: Preview) -> None:
    assert found.outcome == example["outcome"]
    assert found.reasons == example.get("reasons", {})
    requests = [
        {"method": each.method, "url": each.url, "headers": dict(each.headers), "body": json.loads(bytes(each.body))}
        for each in found.requests
    ]
    assert requests == example.get("requests", [])
    if platform := simulated(name):
        for each in found.requests:
            now_ms = parse_rfc3339(example["now"])
            answer = platform(call(each.method, each.url, each.headers, bytes(each.body), now_ms))
            # Some platforms answer for each element of a list, the others for the request.
            body = json.loads(bytes(each.body))
            size = next((len(part) for part in body.values() if isinstance(part, list)), 1)
            assert set(MODULES[name].classify(answer, size).per_event) <= {"delivered", "accepted"}, answer


@pytest.mark.parametrize(("name", "example"), examples("users"))
def test_audience(name: str, example: dict[str, Any]):
    now_ms = parse_rfc3339(example["now"])
    found = preview_audience(
        MODULES[name], example["config"], example["operation"], example["users"], now_ms, example.get("consent")
    )
    check(name, example, found)


@pytest.mark.parametrize(("name", "example"), examples("events"))
def test_mapping(name: str, example: dict[str, Any]):
    found = preview(MODULES[name], example["config"], example["events"], parse_rfc3339(example["now"]))
    check(name, example, found)
    if name == "meta":
        pixel = MetaPlatform(lambda: parse_rfc3339(example["now"]), pixel_id=example["config"]["pixel_id"], token="t")
        for each in found.requests:
            assert pixel._take(example["config"]["pixel_id"], "t", bytes(each.body)) == len(
                json.loads(bytes(each.body))["data"]
            )


@pytest.mark.parametrize(("name", "example"), examples("response"))
def test_answers(name: str, example: dict[str, Any]):
    verdict = MODULES[name].classify(answer_from(example["response"]), example["batch_size"])
    assert list(verdict.per_event) == example["per_event"]
    assert verdict.credential_action == example.get("credential_action")
    found = (
        None if verdict.retry is None else {"after_ms": verdict.retry.after_ms, "throttled": verdict.retry.throttled}
    )
    assert found == example.get("retry")
