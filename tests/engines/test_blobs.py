"""What every blob store keeps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rekindle.engines.blobs import BlobMissing, Blobs, FolderBlobs


@pytest.fixture(params=["folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    assert request.param == "folder"
    return FolderBlobs(tmp_path / "blobs")


def test_bytes_come_back_under_their_digest(blobs: Blobs) -> None:
    digest = blobs.put(b"snapshot")
    assert digest == hashlib.sha256(b"snapshot").hexdigest()
    assert blobs.path(digest).read_bytes() == b"snapshot"


def test_a_file_is_stored_like_its_bytes(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(b"x" * 3_000_000)
    assert blobs.put(file) == blobs.put(b"x" * 3_000_000)


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
