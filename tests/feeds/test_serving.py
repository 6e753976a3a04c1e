"""Readers get the live version's bytes, with validators, and only those who may."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rekindle.feeds import FeedServer
from rekindle.feeds.serving import accepts_gzip
from rekindle.model.web import Request
from rekindle.workspace import Feed
from tests.feeds.conftest import GOOGLE, product, shop


@pytest.fixture
def server(builder, database, blobs, shelf):
    workspace = shop(main=GOOGLE, secret=Feed(channel="meta", token="s3cret"), later=GOOGLE)
    shelf.put(product("A"))
    builder.build(workspace, "main")
    builder.build(workspace, "secret")

    def settings(name, feed):
        return workspace.feeds.get(feed) if name == "shop" else None

    return FeedServer(database, blobs, settings)


async def get(server: Any, path: str, method: str = "GET", query: Any = None, **headers: str) -> Any:
    (route,) = server.routes()
    assert method in route.methods
    lower = {key.replace("_", "-"): value for key, value in headers.items()}
    return await route.handler(Request(method, path, query or {}, lower, {}, "127.0.0.1", "shop.example"))


async def test_get_head_and_not_modified(server) -> None:
    answer = await get(server, "/feeds/shop/main.xml")
    assert answer.status == 200
    assert isinstance(answer.body, Path)
    content = answer.body.read_bytes()
    assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert int(answer.headers["content-length"]) == len(content)
    head = await get(server, "/feeds/shop/main.xml", "HEAD")
    assert (head.status, head.body, head.headers) == (200, b"", answer.headers)
    for validator in (
        {"if_none_match": answer.headers["etag"]},
        {"if_none_match": f'"other", W/{answer.headers["etag"]}'},
        {"if_modified_since": answer.headers["last-modified"]},
    ):
        again = await get(server, "/feeds/shop/main.xml", **validator)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == answer.headers["etag"]
    changed = await get(
        server, "/feeds/shop/main.xml", if_none_match='"other"', if_modified_since=answer.headers["last-modified"]
    )
    assert changed.status == 200, "If-None-Match decides when both are there"
    assert (await get(server, "/feeds/shop/main.xml", if_modified_since="yesterday")).status == 200


async def test_gzip_has_its_own_validator(server) -> None:
    plain = await get(server, "/feeds/shop/main.xml")
    packed = await get(server, "/feeds/shop/main.xml", accept_encoding="br, gzip;q=0.8")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    assert gzip.decompress(packed.body.read_bytes()) == plain.body.read_bytes()


@pytest.mark.parametrize(
    ("header", "answer"),
    [("gzip", True), ("*", True), ("", False), ("br", False), ("gzip;q=0", False), ("*;q=0, gzip;q=1", True),
     ("gzip;q=nonsense", False), ("GZIP ; q=0.5", True)],
)  # fmt: skip
def test_accept_encoding(header, answer) -> None:
    assert accepts_gzip(header) is answer


async def test_a_token_keeps_a_feed_to_those_who_have_it(server) -> None:
    assert (await get(server, "/feeds/shop/secret.csv")).status == 404
    assert (await get(server, "/feeds/shop/secret.csv", query={"token": "wrong"})).status == 404
    assert (await get(server, "/feeds/shop/secret.json", query={"token": "ż"})).status == 404
    answer = await get(server, "/feeds/shop/secret.csv", query={"token": "s3cret"})
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, max-age=300")


@pytest.mark.parametrize(
    "path",
    ["/feeds/shop/main.csv", "/feeds/shop/later.xml", "/feeds/shop/none.xml", "/feeds/other/main.xml", "/feeds/shop/",
     "/feeds/", "/feeds/shop/../main.xml", "/feeds/shop/main"],
)  # fmt: skip
async def test_what_is_not_there(server, path) -> None:
    assert (await get(server, path)).status == 404


async def test_the_manifest_names_the_bytes(server) -> None:
    manifest = json.loads((await get(server, "/feeds/shop/main.json")).body)
    assert (manifest["feed"], manifest["version"], manifest["items"]) == ("main", 1, 1)
    plain, packed = manifest["files"]
    answer = await get(server, "/feeds/shop/main.xml")
    assert plain["sha256"] == hashlib.sha256(answer.body.read_bytes()).hexdigest()
    answer = await get(server, "/feeds/shop/main.xml", accept_encoding="gzip")
    assert (packed["encoding"], packed["sha256"]) == ("gzip", hashlib.sha256(answer.body.read_bytes()).hexdigest())


async def test_the_manifest_is_signed(builder, database, blobs, shelf) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    shelf.put(product("A"))
    builder.build(shop(main=GOOGLE), "main")
    server = FeedServer(database, blobs, lambda _shop, _feed: GOOGLE, key)
    manifest = await get(server, "/feeds/shop/main.json")
    signature = await get(server, "/feeds/shop/main.json.sig")
    public = await get(server, "/feeds/shop/main.pub")
    reader = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.body))
    reader.verify(base64.b64decode(signature.body), manifest.body)
    with pytest.raises(InvalidSignature):
        reader.verify(base64.b64decode(signature.body), manifest.body + b" ")
