"""What every blob store keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from rekindle.cli import _compose
from rekindle.engines.blobs import BlobMissing, Blobs, BlobsUnavailable, FolderBlobs
from rekindle.engines.blobs.s3 import S3Blobs, S3Target, parse
from rekindle.engines.secrets import EnvironmentSecrets
from rekindle.settings import SettingError
from tests.conftest import FakeClock
from tests.s3 import KEY, new_bucket, s3_server

HOUR = 3_600_000


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server."""
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def target(s3: str) -> S3Target:
    """A bucket that nobody has used."""
    return S3Target(bucket=new_bucket(s3), prefix="rekindle/blobs", endpoint=s3)


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return FolderBlobs(tmp_path / "blobs")
    return S3Blobs(request.getfixturevalue("target"), tmp_path / "blobs", credentials=KEY)


def test_bytes_come_back_under_their_digest(blobs: Blobs) -> None:
    digest = blobs.put(b"snapshot")
    assert digest == hashlib.sha256(b"snapshot").hexdigest()
    assert blobs.path(digest).read_bytes() == b"snapshot"


def test_a_file_is_stored_like_its_bytes(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(b"x" * 3_000_000)
    assert blobs.put(file) == blobs.put(b"x" * 3_000_000)


def test_a_file_that_nobody_needs_is_stored_too(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "work"
    for _ in range(2):
        file.write_bytes(b"moved")
        digest = blobs.put(file, move=True)
        assert blobs.path(digest).read_bytes() == b"moved"
        assert blobs.path(digest).stat().st_mode & 0o77 == 0


def test_a_digest_that_was_made_while_writing_is_not_made_again(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    known = hashlib.sha256(b"content").hexdigest()
    assert blobs.put(file, move=True, digest=known) == known == blobs.put(b"content")
    assert blobs.path(known).read_bytes() == b"content"


def test_what_is_removed_is_missing(blobs: Blobs) -> None:
    digest = blobs.put(b"gone")
    blobs.remove(digest)
    blobs.remove(digest)
    with pytest.raises(BlobMissing):
        blobs.path(digest)


@pytest.mark.parametrize("digest", ["", "..", "../../etc/passwd", "A" * 64, "0" * 64])
def test_only_digests_name_blobs(blobs: Blobs, digest: str) -> None:
    with pytest.raises(BlobMissing):
        blobs.path(digest)


def test_no_half_written_file_stays(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.put(tmp_path / "not-there")
    assert list((tmp_path / "blobs").glob(".new-*")) == []


def test_another_machine_reads_what_one_wrote(target: S3Target, tmp_path: Path) -> None:
    one, two = (S3Blobs(target, tmp_path / name, credentials=KEY) for name in ("one", "two"))
    large = b"feed" * 5_000_000
    digest = one.put(large)
    assert two.path(digest).read_bytes() == large
    assert two.path(digest).is_relative_to(tmp_path / "two")
    two.remove(digest)
    (tmp_path / "one" / digest[:2] / digest).unlink()
    with pytest.raises(BlobMissing):
        one.path(digest)


def test_a_folder_that_was_emptied_is_filled_again(target: S3Target, tmp_path: Path) -> None:
    blobs = S3Blobs(target, tmp_path / "copies", credentials=KEY)
    digest = blobs.put(b"snapshot")
    blobs.path(digest).unlink()
    assert blobs.path(digest).read_bytes() == b"snapshot"


def test_what_is_not_what_was_written_is_not_given_out(target: S3Target, tmp_path: Path) -> None:
    blobs = S3Blobs(target, tmp_path / "copies", credentials=KEY)
    digest = blobs.put(b"snapshot")
    blobs.path(digest).unlink()
    obstore.put(blobs._store, f"{digest[:2]}/{digest}", b"forged")
    with pytest.raises(BlobsUnavailable, match="not what was written"):
        blobs.path(digest)
    assert [file for file in (tmp_path / "copies").rglob("*") if file.is_file()] == []


def test_copies_that_nobody_asks_for_go_after_a_day(target: S3Target, tmp_path: Path, clock: FakeClock) -> None:
    blobs = S3Blobs(target, tmp_path / "copies", credentials=KEY, clock=clock)
    used, unused = blobs.put(b"used"), blobs.put(b"unused")
    for _ in range(25):
        clock.advance(HOUR)
        blobs.path(used)
    blobs.put(b"one more")
    held = {file.name for file in (tmp_path / "copies").glob("??/*")}
    assert used in held
    assert unused not in held
    assert blobs.path(unused).read_bytes() == b"unused"


def test_a_store_that_is_away_stores_nothing_and_says_so(target: S3Target, tmp_path: Path) -> None:
    away = S3Target(bucket="b", endpoint="http://127.0.0.1:9")
    blobs = S3Blobs(away, tmp_path / "copies", credentials=KEY)
    with pytest.raises(BlobsUnavailable) as refused:
        blobs.put(b"snapshot")
    assert KEY[1] not in str(refused.value)
    with pytest.raises(BlobsUnavailable):
        blobs.path("0" * 64)
    nowhere = S3Target(bucket="no-such-bucket", endpoint=target.endpoint)
    with pytest.raises(BlobsUnavailable, match="create it"):
        S3Blobs(nowhere, tmp_path / "copies", credentials=KEY).put(b"more")


def test_a_url_says_where_and_no_secrets() -> None:
    assert parse("s3://shop/blobs/x/?endpoint=https://s3.test:9000&region=eu-central-1") == S3Target(
        bucket="shop", prefix="blobs/x", endpoint="https://s3.test:9000", region="eu-central-1"
    )
    for wrong in ("s3://", "http://b", "s3://key:secret@b", "s3://b?acl=x", "s3://b?endpoint=host:1"):
        with pytest.raises(SettingError, match="blobs_url"):
            parse(wrong)


def test_the_installation_opens_the_store_with_its_secrets(target: S3Target, tmp_path: Path, clock: FakeClock) -> None:
    given = {"REKINDLE_SECRET_S3_ACCESS_KEY_ID": KEY[0], "REKINDLE_SECRET_S3_SECRET_ACCESS_KEY": KEY[1]}
    url = f"s3://{target.bucket}/{target.prefix}?endpoint={target.endpoint}"
    blobs = _compose.open_s3(url, tmp_path, EnvironmentSecrets(given), clock)
    assert blobs.path(blobs.put(b"snapshot")).read_bytes() == b"snapshot"
