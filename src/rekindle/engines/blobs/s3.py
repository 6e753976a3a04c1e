"""Blobs in S3 or what speaks its protocol, with a folder on this machine for what is being read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from rekindle.engines.blobs.folder import FolderBlobs
from rekindle.engines.blobs.protocol import BlobMissing, BlobsUnavailable
from rekindle.model.clock import Clock, system_clock
from rekindle.settings import SettingError

__all__ = ["PART", "S3Blobs", "S3Target", "open_store", "parse"]

T = TypeVar("T")

_HOUR_MS = 3_600_000
_KEEP_MS = 24 * _HOUR_MS
PART = 8 << 20
_TIMEOUT_S = 30


class S3Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the blobs are. Without ``endpoint`` it is Amazon's, in ``region``."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"


def parse(url: str) -> S3Target:
    """Read ``s3://bucket/prefix?endpoint=https://host&region=eu-central-1``. Raises `SettingError`."""
    split = urlsplit(url)
    if split.scheme != "s3" or not split.netloc or "@" in split.netloc:
        raise SettingError("blobs_url: expected s3://bucket/prefix; credentials are secrets, not part of it")
    known = dict(parse_qsl(split.query, keep_blank_values=True))
    if unknown := sorted(set(known) - {"endpoint", "region"}):
        raise SettingError(f"blobs_url: {unknown[0]!r} is not known; known are endpoint, region")
    endpoint = known.get("endpoint", "")
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise SettingError(f"blobs_url: endpoint={endpoint!r} is no http:// or https:// address")
    return S3Target(
        bucket=split.netloc,
        prefix=split.path.strip("/"),
        endpoint=endpoint,
        region=known.get("region", "us-east-1"),
    )


def open_store(target: S3Target, credentials: tuple[str, str] | None, timeout_s: int = _TIMEOUT_S) -> S3Store:
    """Return the client of a bucket. ``credentials`` are an access key and its secret, or None for the usual ways.

    ``timeout_s`` is for one answer; a whole request has ten times as long.
    """
    config: dict[str, Any] = {"region": target.region}
    if target.endpoint:
        config |= {"endpoint": target.endpoint, "virtual_hosted_style_request": False}
    if credentials is not None:
        config |= {"access_key_id": credentials[0], "secret_access_key": credentials[1]}
    return S3Store(
        target.bucket,
        prefix=target.prefix or None,
        config=config,  # type: ignore[arg-type]
        client_options={
            "allow_http": target.endpoint.startswith("http://"),
            "connect_timeout": "5s",
            # A whole request: long enough for one part or one download of some hundred megabytes.
            "timeout": f"{timeout_s * 10}s",
            "read_timeout": f"{timeout_s}s",
        },
        retry_config={"max_retries": 3},
    )


class S3Blobs:
    """One object for each blob, ``prefix/ab/abcdef…``. What comes back is held against its name before it is used.

    ``credentials`` are an access key and its secret; without, the usual ways are tried (``AWS_…``, a web identity, the
    machine's role). ``folder`` keeps copies of what was written or read here, until nobody asked for 24 hours; it
    belongs to this machine and may be emptied at any time.
    """

    def __init__(
        self,
        target: S3Target,
        folder: Path,
        *,
        credentials: tuple[str, str] | None = None,
        clock: Clock = system_clock,
        timeout_s: int = _TIMEOUT_S,
    ) -> None:
        self._target = target
        self._clock = clock
        self._folder = folder
        self._copies = FolderBlobs(folder)
        self._swept_ms = clock()
        self._store = open_store(target, credentials, timeout_s)

    def put(self, source: Path | bytes, *, move: bool = False, digest: str | None = None) -> str:
        """See `Blobs.put`."""
        digest = self._copies.put(source, move=move, digest=digest)
        file = self._used(self._copies.path(digest))
        key = _key(digest)
        if not self._is_there(key, file.stat().st_size):
            # Without the bucket even a write is told that nothing was found.
            self._ask(lambda: obstore.put(self._store, key, file, chunk_size=PART, max_concurrency=2))
        self._sweep()
        return digest

    def path(self, digest: str) -> Path:
        """See `Blobs.path`. The first time it is fetched, which may take a while: not for an event loop."""
        try:
            return self._used(self._copies.path(digest))
        except BlobMissing:
            pass
        self._sweep()
        return self._used(self._fetch(digest, _key(digest)))

    def remove(self, digest: str) -> None:
        """See `Blobs.remove`. Copies on other machines go when nobody has asked for them for 24 hours."""
        key = _key(digest)
        with suppress(BlobMissing):
            self._ask(lambda: obstore.delete(self._store, key))
        self._copies.remove(digest)

    def _is_there(self, key: str, size: int) -> bool:
        try:
            return bool(self._ask(lambda: obstore.head(self._store, key))["size"] == size)
        except BlobMissing:
            return False

    def _fetch(self, digest: str, key: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                found = self._ask(lambda: obstore.get(self._store, key))
                pieces = iter(found.stream(min_chunk_size=PART))
                seen = hashlib.sha256()
                while piece := self._ask(lambda: next(pieces, None)):
                    seen.update(piece)
                    out.write(piece)
            if seen.hexdigest() != digest:
                raise BlobsUnavailable(f"S3: {key} is not what was written; restore it from a version or a backup")
            self._copies.put(temporary)
            return self._copies.path(digest)
        finally:
            temporary.unlink(missing_ok=True)

    def _ask(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise BlobsUnavailable(f"S3: there is no bucket {self._target.bucket!r}; create it") from None
            raise BlobMissing("S3 has no such object") from None
        except BaseError as error:
            # The client's words hold addresses and the server's answer; names are enough for a log.
            raise BlobsUnavailable(f"S3: {type(error).__name__} at bucket {self._target.bucket!r}") from None

    def _used(self, file: Path) -> Path:
        now = self._clock() / 1000
        os.utime(file, (now, now))
        return file

    def _sweep(self) -> None:
        """Drop copies that nobody asked for; whoever still reads one keeps its open file."""
        now = self._clock()
        if now - self._swept_ms < _HOUR_MS:
            return
        self._swept_ms = now
        for file in self._folder.glob("??/*"):
            try:
                if now - file.stat().st_mtime * 1000 > _KEEP_MS:
                    file.unlink()
            except FileNotFoundError:
                continue


def _key(digest: str) -> str:
    if not FolderBlobs.names(digest):
        raise BlobMissing(digest)
    return f"{digest[:2]}/{digest}"
