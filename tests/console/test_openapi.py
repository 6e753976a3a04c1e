"""The JSON addresses keep what their own description promises, whatever they are asked (schemathesis as judge)."""

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from litestar import Litestar
from litestar.testing import TestClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.console.conftest import House
from tests.console.filled import fill

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance, status_code_conformance]
# One name in each that there is, so that more than "not found" is judged.
NAMES = {"quality": "google", "destinations": "meta", "feeds": "google", "audiences": "viewers", "events": "ev-0003"}


@pytest.fixture
def schema(house: House, ola: TestClient[Litestar]) -> Any:
    asyncio.run(fill(house))
    return schemathesis.openapi.from_dict(ola.get("/api/openapi.json").json())


def judge(operation: Any, browser: TestClient[Litestar]) -> set[str]:
    """Ask one address many things, and return the kinds of answers it gave."""
    kind = next((name for name in NAMES if f"/{name}/" in operation.path), "")
    seen: set[str] = set()

    @given(case=operation.as_strategy())
    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        path = case.path_parameters or {}
        for name in path:
            if name == "workspace":
                path[name] = "shop"
            elif len(str(path[name])) % 2:
                path[name] = NAMES[kind]
        wanted = case.as_transport_kwargs(base_url="http://testserver.local")
        wanted = {key: wanted[key] for key in ("method", "url", "params", "headers") if wanted.get(key)}
        answer = browser.request(**wanted)
        case.validate_response(answer, checks=CHECKS)
        seen.add(f"{operation.path} {answer.status_code}")

    ask()
    return seen


def test_every_address_keeps_its_description(schema: Any, ola: TestClient[Litestar]):
    seen = {each for found in schema.get_all_operations() for each in judge(found.ok(), ola)}
    assert len([each for each in seen if each.endswith(" 200")]) >= 10, seen
