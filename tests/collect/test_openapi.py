"""A gateway as it is served keeps what its own description promises, whatever it is asked (schemathesis as judge)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from rekindle.cli._demo.ports import choose
from rekindle.model.clock import rfc3339, system_clock
from tests.conftest import ROOT

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance, status_code_conformance]
ORIGIN = "http://127.0.0.1:8000"  # as `rekindle init` writes it


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A client of a shop's gateway, in a process of its own with everything mounted, and an API key."""
    folder = tmp_path_factory.mktemp("served") / "shop"
    environment = os.environ | {"REKINDLE_GATEWAY_PORT": str(choose(0)), "PYTHONPATH": str(ROOT / "src")}
    run = [sys.executable, "-m", "rekindle"]
    made = subprocess.run(
        [*run, "init", str(folder), "--name", "shop"], capture_output=True, env=environment, check=True
    )
    key = re.search(rb"API key.*: (\S+)", made.stdout)
    assert key is not None
    subprocess.run([*run, "apply", "-w", str(folder)], input=b"y\n", capture_output=True, env=environment, check=True)
    url = f"http://127.0.0.1:{environment['REKINDLE_GATEWAY_PORT']}"
    with (
        subprocess.Popen([*run, "serve", "gateway", "-w", str(folder)], env=environment) as process,
        httpx.Client(base_url=url) as client,
    ):
        while not ready(client):
            assert process.poll() is None
            time.sleep(0.05)
        yield client, key[1].decode()
        process.terminate()
        assert process.wait(60) == 0


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def judge(operation: Any, client: httpx.Client, key: str) -> set[str]:
    """Ask one address many things, and return the kinds of answers it gave."""
    seen: set[str] = set()

    @given(case=operation.as_strategy(), lets_in=st.booleans(), known=st.booleans())
    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any, lets_in: bool, known: bool) -> None:
        if known and case.path_parameters and "workspace" in case.path_parameters:
            case.path_parameters["workspace"] = "shop"
        wanted = case.as_transport_kwargs(base_url=str(client.base_url))
        wanted = {
            name: wanted[name] for name in ("method", "url", "params", "headers", "data", "json") if wanted.get(name)
        }
        headers = dict(wanted.pop("headers", {}))
        for name in ("Authorization", "X-Api-Key"):
            headers.pop(name, None)  # made up ones are not even headers; who may come in is said below
        if "data" in wanted:
            wanted["content"] = wanted.pop("data")
        headers |= {"Authorization": f"Bearer {key}", "Origin": ORIGIN} if lets_in else {}
        answer = client.request(**wanted, headers=headers)
        case.validate_response(answer, checks=CHECKS)
        seen.add(f"{operation.method} {operation.path} {answer.status_code}")

    ask()
    return seen


def test_every_address_keeps_its_description(served: tuple[httpx.Client, str]) -> None:
    client, key = served
    description = client.get("/openapi.json").json()
    schema: Any = schemathesis.openapi.from_dict(description)
    seen = {each for found in schema.get_all_operations() for each in judge(found.ok(), client, key)}
    answered = {each.rpartition(" ")[0].partition(" ")[2] for each in seen}
    assert answered == set(description["paths"])
    assert {"post /v1/events 401", "post /v1/events 400", "get /t.js 200"} <= seen, seen


def test_the_description_in_the_documentation_is_the_one_that_is_served(served: tuple[httpx.Client, str]) -> None:
    client, _ = served
    written = msgspec.json.decode((ROOT / "docs/gateway.openapi.json").read_bytes())
    assert client.get("/openapi.json").json() == written


def test_the_example_is_taken(served: tuple[httpx.Client, str]) -> None:
    client, key = served
    body = client.get("/openapi.json").json()["paths"]["/v1/events"]["post"]["requestBody"]
    event = body["content"]["application/json"]["example"] | {"event_time": rfc3339(system_clock())}
    answer = client.post("/v1/events", json=event, headers={"X-Api-Key": key})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1), answer.text


def test_no_word_of_the_wire_is_missing_in_the_description(served: tuple[httpx.Client, str]) -> None:
    client, _ = served
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"event", "event_id", "event_time", "consent", "ecommerce"} <= set(schemas["Event"]["properties"])
    assert schemas["Event"]["required"] == ["event", "event_id", "event_time"]
    assert schemas["Ecommerce"]["properties"]["items"]["maxItems"] == 200


@pytest.mark.parametrize("path", ["/", "/openapi", "/v1", "/t.js/x"])
def test_what_is_not_described_is_not_there(served: tuple[httpx.Client, str], path: str) -> None:
    client, _ = served
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not-found")
