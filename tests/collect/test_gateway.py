"""The gateway's manners: limits, refusals, probes, proxies, other rooms' routes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rekindle.engines.database import Database
from rekindle.engines.log import SqliteLog
from rekindle.model.web import Request, Response, Route
from tests.collect.harness import CHROME, ORIGIN, Street
from tests.conftest import FakeClock


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"7", b'"text"', b"[NaN]", b'{"value": NaN}', b"\xff\xfe", b"<html>", b"[" * 100_000, b"{}x"],
)
async def test_what_is_no_json_of_ours_is_told_so(street: Street, body: bytes) -> None:
    answer = await street.tag(body)
    assert answer.status == 400
    assert set(answer.json()) == {"error", "remedy"}
    assert answer.header("access-control-allow-origin") == ORIGIN
    await street.gateway.close()
    assert await street.tallies() == {("invalid", "malformed"): 1}


@pytest.mark.parametrize("chunked", [False, True])
async def test_large_bodies_are_refused_with_and_without_a_length(street: Street, chunked: bool) -> None:
    headers = {"origin": ORIGIN, "user-agent": CHROME}
    answer = await street.ask("POST", "/e", b"[" + b" " * 262_144, headers, chunked=chunked)
    assert answer.status == 413
    await street.gateway.close()
    assert await street.tallies() == {("invalid", "too-large"): 1}


async def test_chunked_bodies_are_read(street: Street) -> None:
    headers = {"origin": ORIGIN, "user-agent": CHROME}
    assert (await street.ask("POST", "/e", [street.event()] * 20, headers, chunked=True)).status == 204
    assert len(await street.events()) == 20


async def test_a_body_length_that_is_no_number_is_refused(street: Street) -> None:
    answer = await street.ask("POST", "/e", b"{}", {"origin": ORIGIN, "content-length": "many"})
    assert answer.status == 400


async def test_compressed_bodies_are_refused_by_name(street: Street) -> None:
    answer = await street.tag(street.event(), **{"content-encoding": "gzip"})
    assert (answer.status, answer.json()["error"]) == (415, "content-encoding")


@pytest.mark.parametrize(("method", "path"), [("GET", "/e"), ("PUT", "/v1/events"), ("DELETE", "/e")])
async def test_other_methods_are_refused(street: Street, method: str, path: str) -> None:
    answer = await street.ask(method, path, b"", {"origin": ORIGIN})
    assert answer.status == 405
    assert "POST" in (answer.header("allow") or "")


async def test_a_full_log_is_a_503_with_retry_after(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    log = SqliteLog(tmp_path / "full.db", clock=clock, reserve=1 << 60)
    street = Street(tmp_path, database, clock, log=log)
    answer = await street.tag(street.event())
    assert (answer.status, answer.header("retry-after")) == (503, "2")
    assert answer.header("set-cookie") is None
    assert (await street.ask("GET", "/readyz")).status == 503
    assert (await street.ask("GET", "/livez")).status == 200
    await street.close()


async def test_a_guard_that_fails_lets_nothing_through(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("ada@example.com")

    with monkeypatch.context() as patch:
        patch.setattr(street.gateway._door, "_guards", street.gateway._door._guards._replace(seal=broken))
        answer = await street.tag(street.event())
    assert (answer.status, answer.header("retry-after")) == (503, "5")
    assert b"ada@" not in answer.body
    assert await street.stored() == []
    page = (await street.ask("GET", "/metrics")).body.decode()
    assert 'rekindle_gateway_faults_total{kind="RuntimeError"} 1.0' in page


async def test_draining_tells_the_load_balancer_and_goes_on_working(street: Street) -> None:
    assert (await street.ask("GET", "/readyz")).status == 200
    street.gateway.drain()
    assert (await street.ask("GET", "/readyz")).status == 503
    assert (await street.ask("GET", "/livez")).status == 200
    assert (await street.tag(street.event())).status == 204


async def test_metrics_count_requests_and_events(street: Street) -> None:
    await street.tag([street.event(), street.event(consent={})])
    await street.tag(street.event(), origin="https://evil.example")
    page = (await street.ask("GET", "/metrics")).body.decode()
    for line in (
        'rekindle_gateway_requests_total{route="/e",status="204"} 1.0',
        'rekindle_gateway_requests_total{route="/e",status="403"} 1.0',
        'rekindle_gateway_events_total{outcome="accepted",reason="ok",workspace="shop"} 1.0',
        'rekindle_gateway_events_total{outcome="filtered",reason="consent-absent",workspace="shop"} 1.0',
        "rekindle_gateway_append_seconds_count 1.0",
    ):
        assert line in page


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1:1", "203.0.113.5", "198.51.100.1"),
        ("10.0.0.2:1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.2:1", "6.6.6.6, 203.0.113.5, 10.0.0.3", "203.0.113.5"),
        ("10.0.0.2:1", "6.6.6.6, rubbish, 10.0.0.3", "10.0.0.3"),
        ("10.0.0.2:1", "", "10.0.0.2"),
        ("[2001:db8::1]:1", "203.0.113.5", "2001:db8::1"),
    ],
)
async def test_forwarded_addresses_count_only_from_trusted_proxies(
    tmp_path: Path, database: Database, clock: FakeClock, peer: str, forwarded: str, expected: str
) -> None:
    street = Street(tmp_path, database, clock, trusted_proxies=["10.0.0.0/8"])
    headers = {"origin": ORIGIN, "user-agent": CHROME, "x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
    answer = await street.ask("POST", "/e", street.event(), headers, peer=peer, scheme="http")
    (stored,) = await street.events()
    assert street.open(stored).client.ip == expected
    assert ("Secure" in (answer.header("set-cookie") or "")) == peer.startswith("10.")
    await street.close()


async def test_other_rooms_answer_below_their_paths(tmp_path: Path, database: Database, clock: FakeClock) -> None:
    seen: list[Request] = []
    page = tmp_path / "page.txt"
    page.write_text("a file")

    async def tag(request: Request) -> Response:
        seen.append(request)
        return Response(headers={"x-room": "tags"}, body=b"script")

    async def file(request: Request) -> Response:
        return Response(body=page)

    async def broken(request: Request) -> Response:
        raise KeyError("ada@example.com")

    async def parts(request: Request) -> Response:
        return Response(200, {"content-length": "6"}, iter([b"one", b"two"]))

    routes = [
        Route(frozenset({"GET"}), "/t.js", tag),
        Route(frozenset({"GET"}), "/f/*", file),
        Route(frozenset({"GET"}), "/f/broken/*", broken),
        Route(frozenset({"GET"}), "/parts", parts),
    ]
    street = Street(tmp_path, database, clock, routes=routes)
    answer = await street.ask("GET", "/t.js?w=a&w=b&x=", b"", {"cookie": "a=1; b=2; a=3", "host": "shop.example"})
    assert (answer.status, answer.body, answer.header("x-room")) == (200, b"script", "tags")
    (request,) = seen
    assert request.query == {"w": "b", "x": ""}
    assert request.cookies == {"a": "1", "b": "2"}
    assert (request.host, request.peer) == ("shop.example", "203.0.113.9")
    assert (await street.ask("HEAD", "/t.js")).body == b""
    assert (await street.ask("GET", "/f/x")).file == str(page)
    assert (await street.ask("GET", "/f/broken/x")).status == 503
    answer = await street.ask("GET", "/parts")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, "6", b"onetwo")
    answer = await street.ask("HEAD", "/parts")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, "6", b"")
    assert (await street.ask("POST", "/t.js")).status == 405
    assert (await street.ask("GET", "/nothing")).status == 404
    await street.close()


async def test_requests_at_once_share_commits_and_all_are_stored(street: Street) -> None:
    answers = await asyncio.gather(*(street.tag(street.event(event_id=str(number))) for number in range(200)))
    assert {answer.status for answer in answers} == {204}
    assert sorted(int(stored.event_id) for stored in await street.events()) == list(range(200))
