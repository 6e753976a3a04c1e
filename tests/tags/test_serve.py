"""The tag as the gateway serves it: configuration inside, cached well, pinned by digest."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.model.web import Request, Response
from rekindle.tags import compile_tag, routes
from rekindle.tags.compile import ADAPTERS, adapter
from rekindle.workspace import Policy, Shop, Tag, Workspace
from rekindle.workspace.documents import ConsentSource

SHOP = Workspace(
    shop=Shop(name="bikes", title="Bikes", origins=["https://bikes.example"], country="PL", currency="PLN"),
    tag=Tag(wait_for_consent="30s", batch_ms=500, data_layer="layer"),
    policy=Policy(store_with=["ad_storage", "ad_user_data"], tcf_vendor=755),
)


def ask(path: str, *, host: str = "bikes.example", method: str = "GET", **headers: str) -> Response:
    found = [
        route
        for route in routes(lambda request: SHOP if request.host == "bikes.example" else None)
        if route.path == path or (route.path.endswith("*") and path.startswith(route.path[:-1]))
    ]
    request = Request(
        method=method, path=path, query={}, headers={k.replace("_", "-"): v for k, v in headers.items()},
        cookies={}, peer="127.0.0.1", host=host,
    )  # fmt: skip
    assert method in found[0].methods

    async def answer() -> Response:
        return await found[0].handler(request)

    return asyncio.run(answer())


def body(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def test_the_workspaces_configuration_is_compiled_in():
    script = body(ask("/t.js")).decode()
    config = json.loads(script[script.rindex("rekindle(window,") + len("rekindle(window,") : script.rindex(")})();")])
    assert config == {
        "w": "bikes", "dataLayer": "layer", "wait": 30_000, "batch": 500, "sources": ["consent_mode", "tcf"],
        "signals": ["ad_storage", "ad_user_data"], "vendor": 755, "purposes": [1, 4], "optOut": False, "categories": {}, "cmps": [],
    }  # fmt: skip


def test_a_script_holds_the_adapters_of_its_own_banners_and_no_other():
    tag = Tag(consent_source=["klaro", "consent_mode"], consent_categories={"ads": ["ad_storage"]})
    script = compile_tag(msgspec.structs.replace(SHOP, tag=tag)).body
    assert adapter("klaro")[1] in script
    assert b'"categories":{"ads":["ad_storage"]}' in script
    for other in set(ADAPTERS) - {"klaro"}:
        assert adapter(other)[1] not in script


def test_every_banner_a_shop_may_name_has_an_adapter():
    own = {"consent_mode", "tcf", "gpp", "none"}
    assert set(ADAPTERS) == set(typing.get_args(ConsentSource)) - own


def test_gzip_and_identity_are_one_script_with_two_validators():
    plain, zipped = ask("/t.js"), ask("/t.js", accept_encoding="br, gzip;q=0.8")
    assert gzip.decompress(body(zipped)) == body(plain)
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != zipped.headers["etag"]
    assert plain.headers["vary"] == "Accept-Encoding"
    assert plain.headers["cache-control"].startswith("public, max-age=300, stale-while-revalidate")


@pytest.mark.parametrize("header", ["", "identity", "br", "gzip;q=0", "gzip; q=0"])
def test_gzip_is_sent_only_where_it_is_taken(header: str):
    assert "content-encoding" not in ask("/t.js", accept_encoding=header).headers


def test_an_unchanged_script_is_not_sent_again():
    etag = ask("/t.js").headers["etag"]
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = ask("/t.js", if_none_match=header)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert ask("/t.js", if_none_match='"other"').status == 200


def test_head_tells_the_length_and_sends_nothing():
    head = ask("/t.js", method="HEAD")
    assert head.body == b""
    assert head.headers["content-length"] == str(len(body(ask("/t.js"))))


def test_a_pinned_script_is_immutable_and_another_digest_is_not_kept():
    digest = compile_tag(SHOP).digest
    assert "immutable" in ask(f"/t/{digest}.js").headers["cache-control"]
    old = ask("/t/0000000000000000.js")
    assert (old.status, old.body) == (200, ask("/t.js").body)
    assert "immutable" not in old.headers["cache-control"]
    assert ask(f"/t/{digest}").status == 404


def test_an_unknown_shop_gets_no_script():
    answer = ask("/t.js", host="unknown.example")
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")


def test_the_digest_is_of_the_content():
    script = compile_tag(SHOP)
    assert script.digest == hashlib.sha256(script.body).hexdigest()[:16]
    assert gzip.decompress(script.gzipped) == script.body


@given(layer=st.text(max_size=30), batch=st.integers(100, 10_000))
def test_any_configuration_stays_one_argument(layer: str, batch: int):
    workspace = Workspace(shop=SHOP.shop, tag=Tag(data_layer=layer, batch_ms=batch))
    script = compile_tag(workspace).body.decode()
    decoded, end = json.JSONDecoder().raw_decode(script, script.index('rekindle(window,{"') + len("rekindle(window,"))
    assert (decoded["dataLayer"], decoded["batch"]) == (layer, batch)
    assert script[end:] == ")})();\n"
