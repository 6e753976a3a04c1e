"""Files to a bucket: with type, encoding and hash, by credentials of their own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from rekindle.egress.parcel import Parcel
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from rekindle.egress.s3 import S3Account, upload_s3
from rekindle.engines.blobs.s3 import S3Target, open_store
from tests.s3 import KEY, new_bucket, s3_server

HERE = Reach(allow_private=True)


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


def account(s3: str, bucket: str) -> S3Account:
    host, _, port = s3.removeprefix("http://").partition(":")
    return S3Account(
        bucket=bucket, endpoint=s3, region="us-east-1", host=host, port=int(port), access_key_id=KEY[0],
        secret_access_key=KEY[1],
    )  # fmt: skip


def parcel(path: Path, content: bytes, encoding: str = "") -> Parcel:
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return Parcel(
        path=path, size=len(content), sha256=digest, content_type="application/xml", content_encoding=encoding
    )


async def test_an_object_carries_type_encoding_and_hash(s3, tmp_path) -> None:
    bucket = new_bucket(s3)
    content = os.urandom(20 << 20)  # in parts
    sent = parcel(tmp_path / "new", content, "gzip")
    await upload_s3(account(s3, bucket), "in/feed.xml", sent, HERE)
    store = open_store(S3Target(bucket=bucket, endpoint=s3), KEY)
    found = obstore.get(store, "in/feed.xml")
    assert found.attributes["Content-Type"] == "application/xml"
    assert found.attributes["Content-Encoding"] == "gzip"
    assert found.attributes["sha256"] == sent.sha256
    assert bytes(found.bytes()) == content
    await upload_s3(account(s3, bucket), "in/feed.xml", parcel(tmp_path / "new", b"newer"), HERE)
    assert bytes(obstore.get(store, "in/feed.xml").bytes()) == b"newer"


async def test_a_missing_bucket_is_named(s3, tmp_path) -> None:
    with pytest.raises(TransferRefused, match="no such bucket"):
        await upload_s3(account(s3, "nowhere"), "feed.xml", parcel(tmp_path / "new", b"x"), HERE)


async def test_private_addresses_are_refused(s3, tmp_path) -> None:
    with pytest.raises(TransferRefused, match="loopback"):
        await upload_s3(account(s3, new_bucket(s3)), "feed.xml", parcel(tmp_path / "new", b"x"), Reach())


async def test_what_arrived_is_counted(s3, tmp_path) -> None:
    new = parcel(tmp_path / "new", b"new")
    new.path.write_bytes(b"ne")
    with pytest.raises(TransferFailed, match="3 bytes were sent and 2 arrived"):
        await upload_s3(account(s3, new_bucket(s3)), "feed.xml", new, HERE)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(obstore.exceptions.PermissionDeniedError, TransferRefused), (obstore.exceptions.UnauthenticatedError, TransferRefused),
     (obstore.exceptions.GenericError, TransferFailed)],
)  # fmt: skip
async def test_what_the_server_says_is_not_quoted(s3, tmp_path, monkeypatch, error, kind) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise error("an-access-key at http://127.0.0.1 is not allowed")

    monkeypatch.setattr(obstore, "put_async", broken)
    with pytest.raises(kind) as caught:
        await upload_s3(account(s3, "b"), "feed.xml", parcel(tmp_path / "new", b"x"), HERE)
    assert KEY[0] not in str(caught.value)
    assert KEY[1] not in repr(account(s3, "b"))
