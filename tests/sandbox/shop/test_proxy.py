"""The gateway under the shop's own origin: what passes the proxy, and what happens when the gateway is away."""

from __future__ import annotations

from aiohttp import ClientSession, DummyCookieJar, web

from rekindle.model.web import Request, Response, Route
from rekindle.sandbox import proxy
from rekindle.sandbox.serving import application, match, running


async def _echo(request: Request) -> Response:
    seen = {name: request.headers.get(name, "") for name in ("x-forwarded-for", "x-forwarded-proto", "host", "cookie")}
    headers = {"set-cookie": "rk=1; Path=/", "x-seen": repr(seen), "etag": '"1"', "content-type": "text/x"}
    return Response(status=202, headers=headers, body=request.method.encode() + request.body)


async def _page(request: Request) -> Response:
    return Response(body=b"the shop " + request.path.encode())


GATEWAY = [Route(methods=frozenset({"GET", "POST"}), path="/*", handler=_echo)]
SHOP = [Route(methods=frozenset({"GET"}), path="/*", handler=_page)]


async def test_the_gateways_paths_pass_with_host_cookies_and_address():
    async with running(application(GATEWAY)) as gateway:
        shop = application(SHOP)
        proxy.mount(shop, gateway)
        async with running(shop) as origin, ClientSession(cookie_jar=DummyCookieJar()) as client:
            headers = {"host": "halny.example", "cookie": "rk=0", "x-forwarded-for": "6.6.6.6"}
            async with client.post(origin + "/e?w=a", data=b"body", headers=headers) as answer:
                assert (answer.status, await answer.text()) == (202, "POSTbody")
                assert answer.headers["set-cookie"] == "rk=1; Path=/"
                assert (answer.headers["etag"], answer.content_type) == ('"1"', "text/x")
                assert "6.6.6.6" not in answer.headers["x-seen"]
                assert "'x-forwarded-for': '127.0.0.1'" in answer.headers["x-seen"]
                assert "'host': 'halny.example', 'cookie': 'rk=0'" in answer.headers["x-seen"]
            for path in ("/t.js", "/t/1.js", "/ad/home"):
                async with client.get(origin + path) as answer:
                    assert answer.status == 202
            for path in ("/", "/en", "/extra", "/t.json", "/ad"):
                async with client.get(origin + path) as answer:
                    assert await answer.text() == "the shop " + path


async def test_a_gateway_that_is_away_does_not_take_the_shop_with_it():
    shop: web.Application = application(SHOP)
    proxy.mount(shop, "http://127.0.0.1:9")
    async with running(shop) as origin, ClientSession() as client:
        async with client.post(origin + "/e", data=b"x") as answer:
            assert answer.status == 502
        async with client.get(origin + "/") as answer:
            assert answer.status == 200


def test_an_exact_path_wins_and_a_wrong_method_is_told():
    routes = [
        Route(methods=frozenset({"GET"}), path="/*", handler=_page),
        Route(methods=frozenset({"GET"}), path="/a/*", handler=_echo),
        Route(methods=frozenset({"POST"}), path="/a/b", handler=_page),
    ]
    assert match(routes, "POST", "/a/b") is _page
    assert match(routes, "GET", "/a/c") is _echo
    assert match(routes, "GET", "/b") is _page
    assert match(routes, "PUT", "/a/b") == 405
    assert match(routes[1:], "GET", "/b") == 404
