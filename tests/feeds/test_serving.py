"""Readers get the live version's bytes, with validators, and only those who may."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from rekindle.feeds import FeedServer, Variants, building, versions
from rekindle.feeds._tables import feed_variants, feed_versions
from rekindle.feeds.access import signed
from rekindle.feeds.negotiating import CODINGS, coding
from rekindle.feeds.ranges import Unsatisfiable, asked
from rekindle.model.web import Request
from rekindle.workspace import Feed
from tests.feeds.conftest import GOOGLE, product, published, shop

NOW_S = 1_790_000_000


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def server(builder, database, blobs, shelf):
    workspace = shop(main=GOOGLE, secret=Feed(channel="meta", token="s3cret"), later=GOOGLE)
    shelf.put(product("A"))
    builder.build(workspace, "main")
    builder.build(workspace, "secret")

    def settings(name, feed):
        return workspace.feeds.get(feed) if name == "shop" else None

    return FeedServer(database, blobs, settings, lambda: NOW_S * 1000)


async def get(server: Any, path: str, method: str = "GET", query: Any = None, **headers: str) -> Any:
    (route,) = server.routes()
    assert method in route.methods
    lower = {key.replace("_", "-"): value for key, value in headers.items()}
    return await route.handler(Request(method, path, query or {}, lower, {}, "127.0.0.1", "shop.example"))


def sent(answer: Any) -> bytes:
    """Return the bytes of an answer, which can be asked for once."""
    if isinstance(answer.body, Path):
        whole = answer.body.read_bytes()
        content = whole[slice(*answer.span)] if answer.span else whole
    else:
        content = b"".join(answer.body)
    assert int(answer.headers["content-length"]) == len(content)
    return content


async def test_get_head_and_not_modified(server) -> None:
    answer = await get(server, "/feeds/shop/main.xml")
    assert answer.status == 200
    content = sent(answer)
    packed = sent(await get(server, "/feeds/shop/main.xml", accept_encoding="gzip"))
    assert answer.headers["etag"] == f'"{hashlib.sha256(packed).hexdigest()}"', "the kept file's digest names both"
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=300, stale-while-revalidate=300, stale-if-error=86400"
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
    assert gzip.decompress(sent(packed)) == sent(plain)


@pytest.mark.parametrize(
    ("header", "answer"),
    [("gzip", "gzip"), ("*", "zstd"), ("", ""), ("br", ""), ("gzip;q=0", ""), ("*;q=0, gzip;q=1", "gzip"),
     ("gzip;q=nonsense", ""), ("GZIP ; q=0.5", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"),
     ("zstd;q=0.5, gzip", "gzip"), ("zstd;q=0, gzip", "gzip"), ("zstd;q=0, *", "gzip")],
)  # fmt: skip
def test_accept_encoding(header, answer) -> None:
    assert coding({"accept-encoding": header}, "digest", CODINGS) == answer
    assert coding({"accept-encoding": header}, "digest", ["gzip"]) in ("gzip", "")


async def test_zstd_is_made_after_publication_and_has_its_own_validator(server, database, blobs, tmp_path) -> None:
    both = "gzip, zstd"
    before = await get(server, "/feeds/shop/main.xml", accept_encoding=both)
    assert before.headers["content-encoding"] == "gzip", "nothing is packed in a reader's request"
    variants = Variants(database, blobs, lambda: (NOW_S + 60) * 1000, tmp_path / "work")
    assert [await variants.step() for _ in range(3)] == [1, 1, 0], "both feeds' files, once"
    plain = await get(server, "/feeds/shop/main.xml")
    packed = await get(server, "/feeds/shop/main.xml", accept_encoding=both)
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("zstd", "accept-encoding")
    assert packed.headers["etag"] == plain.headers["etag"][:-1] + '-zstd"'
    content = sent(packed)
    assert zstandard.ZstdDecompressor().decompress(content) == sent(plain)
    assert zstandard.get_frame_parameters(content).window_size <= 8 << 20, "RFC 9659"
    (entry,) = [
        each for each in json.loads((await get(server, "/feeds/shop/main.json")).body)["files"]
        if each.get("encoding") == "zstd"
    ]  # fmt: skip
    assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    part = await get(server, "/feeds/shop/main.xml", accept_encoding="zstd", range="bytes=2-5")
    assert (part.status, sent(part)) == (206, content[2:6])
    # Whoever holds another form is answered about that one.
    for headers in ({"if_none_match": before.headers["etag"]}, {"if_none_match": plain.headers["etag"]}):
        assert (await get(server, "/feeds/shop/main.xml", accept_encoding=both, **headers)).status == 304
    rest = await get(
        server, "/feeds/shop/main.xml", accept_encoding=both, range="bytes=10-", if_range=before.headers["etag"]
    )
    assert (rest.status, rest.headers["content-encoding"]) == (206, "gzip")


async def test_versions_of_earlier_releases_keep_the_plain_file(server, database, blobs, tmp_path) -> None:
    with database.read() as connection:
        version = versions.find(connection, "shop", "main", 1)
    plain = published(blobs, version)
    with database.begin() as connection:
        old = {"digest": blobs.put(plain), "layout_digest": None, "plain_digest": None}
        connection.execute(sa.update(feed_versions).where(feed_versions.c.feed == "main").values(old))
    whole = await get(server, "/feeds/shop/main.xml")
    assert (whole.headers["etag"], sent(whole)) == (f'"{hashlib.sha256(plain).hexdigest()}"', plain)
    assert sent(await get(server, "/feeds/shop/main.xml", range="bytes=-7")) == plain[-7:]
    assert gzip.decompress(sent(await get(server, "/feeds/shop/main.xml", accept_encoding="gzip"))) == plain
    await Variants(database, blobs, lambda: 0, tmp_path / "work").step()
    packed = await get(server, "/feeds/shop/main.xml", accept_encoding="zstd")
    assert zstandard.ZstdDecompressor().decompress(sent(packed)) == plain


async def test_the_digest_of_a_large_plain_file_comes_after_it(
    server, builder, database, blobs, shelf, monkeypatch, tmp_path
) -> None:
    """A build on another does not read the plain file; what packs it with zstd does, and tells the manifest."""
    monkeypatch.setattr(building, "SOON", 0)
    names = [f"A{number}" for number in range(20)]
    shelf.put(*map(product, names))
    builder.build(shop(main=GOOGLE), "main")
    shelf.put(*map(product, names[1:]))
    version = builder.build(shop(main=GOOGLE), "main")
    assert (version.patch_digest is None, version.plain_digest) == (False, None)
    plain, packed = json.loads((await get(server, "/feeds/shop/main.json")).body)["files"]
    assert ("sha256" in plain, packed["sha256"]) == (False, version.gzip_digest)
    variants = Variants(database, blobs, lambda: 0, tmp_path / "work")
    while await variants.step():
        pass
    plain, *_ = json.loads((await get(server, "/feeds/shop/main.json")).body)["files"]
    whole = sent(await get(server, "/feeds/shop/main.xml"))
    assert (plain["bytes"], plain["sha256"]) == (len(whole), hashlib.sha256(whole).hexdigest())


async def test_packed_forms_go_with_their_versions(server, builder, database, blobs, shelf, tmp_path) -> None:
    variants = Variants(database, blobs, lambda: NOW_S * 1000, tmp_path / "work")
    workspace = shop(main=Feed(channel="google_merchant", keep_versions=2))
    for number in range(4):
        shelf.put(product("A", title=f"Cover {number}"))
        builder.build(workspace, "main")
        while await variants.step():
            pass
    with database.read() as connection:
        kept = connection.execute(sa.select(feed_variants.c.digest)).scalars().all()
        known = connection.execute(sa.select(feed_versions.c.digest)).scalars().all()
    assert set(kept) <= set(known)
    assert len(kept) == 3, "two versions of one feed, and the other's"


async def test_a_file_that_is_missing_stops_no_other(server, database, blobs, tmp_path) -> None:
    with database.read() as connection:
        digests = connection.execute(sa.select(feed_versions.c.digest)).scalars().all()
    blobs.remove(digests[0])
    variants = Variants(database, blobs, lambda: NOW_S * 1000, tmp_path / "work")
    assert [await variants.step() for _ in range(2)] == [1, 0]


async def test_networks_between_are_told_what_to_keep_and_by_what_name(server) -> None:
    headers = (await get(server, "/feeds/shop/main.xml")).headers
    assert headers["cdn-cache-control"] == headers["cache-control"]
    assert headers["surrogate-control"] == "max-age=300, stale-while-revalidate=300, stale-if-error=86400"
    assert headers["surrogate-key"] == headers["cache-tag"] == "feed-shop-main"
    secret = (await get(server, "/feeds/shop/secret.csv", query={"token": "s3cret"})).headers
    assert not {"cdn-cache-control", "surrogate-control", "surrogate-key", "cache-tag"} & set(secret)


async def test_a_token_keeps_a_feed_to_those_who_have_it(server) -> None:
    refused = await get(server, "/feeds/shop/secret.csv")
    assert (refused.status, refused.headers["cache-control"]) == (401, "no-store")
    assert refused.headers["www-authenticate"].startswith("Basic ")
    assert (await get(server, "/feeds/shop/secret.csv", query={"token": "wrong"})).status == 401
    assert (await get(server, "/feeds/shop/secret.json", query={"token": "ż"})).status == 401
    answer = await get(server, "/feeds/shop/secret.csv", query={"token": "s3cret"})
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, max-age=300")


@pytest.mark.parametrize(
    ("header", "status"),
    [("Basic " + basic("anyone:s3cret"), 200), ("basic " + basic(":s3cret"), 200), ("Basic " + basic("s3cret:"), 401),
     ("Basic ????", 401), ("Basic " + base64.b64encode(b"\xff:\xff").decode(), 401), ("Bearer s3cret", 401), ("", 401)],
)  # fmt: skip
async def test_the_token_may_be_the_password(server, header, status) -> None:
    assert (await get(server, "/feeds/shop/secret.csv", authorization=header)).status == status


async def test_an_address_can_be_signed_until_a_moment(server) -> None:
    def query(text: str) -> dict[str, str]:
        return dict(parse_qsl(text))

    good = query(signed("s3cret", "shop/secret", NOW_S + 1))
    assert (await get(server, "/feeds/shop/secret.csv", query=good)).status == 200
    for bad in (
        query(signed("s3cret", "shop/secret", NOW_S)),
        query(signed("s3cret", "shop/main", NOW_S + 1)),
        query(signed("other", "shop/secret", NOW_S + 1)),
        good | {"expires": str(NOW_S + 2)},
        good | {"expires": "٣"},
        {"expires": str(NOW_S + 1)},
    ):
        assert (await get(server, "/feeds/shop/secret.csv", query=bad)).status == 401


@given(header=st.from_regex(r"bytes=[0-9]{0,3}-[0-9]{0,3}", fullmatch=True), size=st.integers(0, 300))
def test_a_range_is_what_the_standard_says(header, size) -> None:
    """RFC 9110, 14.1.2, written once more in its own words."""
    first, last = header.removeprefix("bytes=").split("-")
    whole = bytes(at % 256 for at in range(size))
    if (not first and not last) or (first and last and int(last) < int(first)):
        expected = None
    elif not first:
        expected = whole[-int(last) :] if int(last) else b""
    else:
        expected = whole[int(first) :][: int(last) - int(first) + 1] if last else whole[int(first) :]
    try:
        span = asked({"range": header}, size, '"e"', "then")
    except Unsatisfiable:
        assert expected == b""
    else:
        assert (None if span is None else whole[span.start : span.end]) == expected


@given(st.text())
def test_no_range_header_breaks_it(header) -> None:
    span = asked({"range": header}, 10, '"e"', "then") if "bytes" not in header else None
    assert span is None


async def test_a_part_of_a_file(server) -> None:
    whole = sent(await get(server, "/feeds/shop/main.xml"))
    part = await get(server, "/feeds/shop/main.xml", range="bytes=10-19")
    assert (part.status, sent(part), part.headers["content-length"]) == (206, whole[10:20], "10")
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    etag = part.headers["etag"]
    assert (await get(server, "/feeds/shop/main.xml", range="bytes=10-", if_range=etag)).status == 206
    assert (await get(server, "/feeds/shop/main.xml", range="bytes=10-", if_range='"old"')).status == 200
    behind = await get(server, "/feeds/shop/main.xml", range=f"bytes={len(whole)}-")
    assert (behind.status, behind.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    assert (await get(server, "/feeds/shop/main.xml", "HEAD", range="bytes=0-1")).status == 200
    packed = await get(server, "/feeds/shop/main.xml", accept_encoding="gzip", range="bytes=0-1", if_range=etag)
    assert "content-encoding" not in packed.headers, "who has a part of the plain file goes on with that"
    other = await get(server, "/feeds/shop/main.xml", range="bytes=0-1", if_range=f'{etag[:-1]}-gzip"')
    assert other.status == 200, "the packed file's validator says nothing of the plain one"


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
    assert plain["sha256"] == hashlib.sha256(sent(answer)).hexdigest()
    answer = await get(server, "/feeds/shop/main.xml", accept_encoding="gzip")
    assert (packed["encoding"], packed["sha256"]) == ("gzip", hashlib.sha256(sent(answer)).hexdigest())


async def test_the_manifest_is_signed(builder, database, blobs, shelf) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    shelf.put(product("A"))
    builder.build(shop(main=GOOGLE), "main")
    server = FeedServer(database, blobs, lambda _shop, _feed: GOOGLE, lambda: 0, key)
    manifest = await get(server, "/feeds/shop/main.json")
    signature = await get(server, "/feeds/shop/main.json.sig")
    public = await get(server, "/feeds/shop/main.pub")
    reader = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.body))
    reader.verify(base64.b64decode(signature.body), manifest.body)
    with pytest.raises(InvalidSignature):
        reader.verify(base64.b64decode(signature.body), manifest.body + b" ")
