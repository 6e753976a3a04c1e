"""Each destination's own examples: what goes in, and the requests or the verdict that come out.

An example with ``events`` is a mapping, one with ``response`` an answer. The simulated platform must take what is sent.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from rekindle import destinations
from rekindle.destinations.preview import answer_from, preview
from rekindle.model.clock import parse_rfc3339
from rekindle.model.discover import discover
from rekindle.sandbox.platforms import MetaPlatform

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


@pytest.mark.parametrize(("name", "example"), examples("events"))
def test_mapping(name: str, example: dict[str, Any]):
    found = preview(MODULES[name], example["config"], example["events"], parse_rfc3339(example["now"]))
    assert found.outcome == example["outcome"]
    assert found.reasons == example.get("reasons", {})
    requests = [
        {"method": each.method, "url": each.url, "headers": dict(each.headers), "body": json.loads(bytes(each.body))}
        for each in found.requests
    ]
    assert requests == example.get("requests", [])
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
