"""Serve live versions: unchanged bytes from a file, with validators, never built in the request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rekindle.engines.blobs import BlobMissing, Blobs
from rekindle.engines.database import Database
from rekindle.feeds import versions
from rekindle.feeds.access import CHALLENGE, may_read
from rekindle.feeds.channel import UnknownChannel, channel
from rekindle.feeds.ranges import Unsatisfiable, asked
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock, rfc3339
from rekindle.model.web import Request, Response, Route
from rekindle.workspace import Feed

_PREFIX = "/feeds/"
_MAX_AGE = 300
_NEEDS_TOKEN = b"This feed has a token: give it as ?token=, or as the password of HTTP basic authentication.\n"
_NOT_FOUND = b"There is no such feed, or it has not been published yet.\n"


class FeedServer:
    """``GET /feeds/<workspace>/<feed>.xml`` (or what the format is called), and ``.json`` for the manifest.

    With a ``key``, ``.json.sig`` is the Ed25519 signature (RFC 8032) of the manifest's bytes in base64, and ``.pub`` the
    public key.

    ``settings`` returns a feed's document, or None; a feed with a token answers 401 without it. A file is sent whole or
    in part (one range), plain or as gzip; each has its own strong ``ETag``.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Callable[[str, str], Feed | None],
        clock: Clock,
        key: Ed25519PrivateKey | None = None,
    ) -> None:
        self._key = key
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return what the gateway mounts."""
        return [Route(frozenset({"GET", "HEAD"}), _PREFIX + "*", self.handle)]

    async def handle(self, request: Request) -> Response:
        """Answer one reader."""
        workspace, _, rest = request.path.removeprefix(_PREFIX).partition("/")
        feed, _, extension = rest.removesuffix(".sig").rpartition(".")
        extension += ".sig" if rest.endswith(".sig") else ""
        document = self._settings(workspace, feed) if workspace and feed else None
        if document is None:
            return _missing(request)
        if not may_read(document.token, f"{workspace}/{feed}", request.query, request.headers, self._clock()):
            return _refused(request)
        pointer = await self._database.query(lambda connection: versions.live(connection, workspace, feed))
        if pointer is None:
            return _missing(request)
        version, since_ms = pointer
        headers = {
            "cache-control": _caching(document),
            "x-content-type-options": "nosniff",
        }
        if extension == "json.sig":
            return self._signed(request, version, since_ms, headers)
        if extension == "pub" and self._key is not None:
            return _small(request, _base64(self._key.public_key().public_bytes_raw()), "text/plain", headers)
        if extension == "json":
            return _manifest(request, version, since_ms, headers)
        try:
            known = channel(version.channel)
            if extension != known.format.extension:
                return _missing(request)
            headers["content-type"] = known.format.content_type
            return self._file(request, version, since_ms, headers)
        except (BlobMissing, UnknownChannel):
            return _missing(request)

    def _signed(self, request: Request, version: FeedVersion, since_ms: int, headers: dict[str, str]) -> Response:
        if self._key is None:
            return _missing(request)
        return _small(request, _base64(self._key.sign(_manifest_body(version, since_ms))), "text/plain", headers)

    def _file(self, request: Request, version: FeedVersion, since_ms: int, headers: dict[str, str]) -> Response:
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        digest, size = (version.gzip_digest, version.gzip_size) if packed else (version.digest, version.size)
        # A strong validator names bytes, so the two encodings have two.
        headers["etag"] = f'"{version.digest}-gzip"' if packed else f'"{version.digest}"'
        headers["last-modified"] = formatdate(since_ms / 1000, usegmt=True)
        headers["vary"] = "accept-encoding"
        if not_modified(request, headers["etag"], since_ms):
            return Response(304, {k: v for k, v in headers.items() if k != "content-type"})
        if packed:
            headers["content-encoding"] = "gzip"
        headers["accept-ranges"] = "bytes"
        path = self._blobs.path(digest)
        if request.method == "HEAD":  # ranges are defined for GET alone (RFC 9110, 14.2)
            return Response(200, headers | {"content-length": str(size)})
        try:
            span = asked(request.headers, size, headers["etag"], headers["last-modified"])
        except Unsatisfiable:
            return Response(416, headers | {"content-range": f"bytes */{size}", "content-length": "0"})
        if span is None:
            return Response(200, headers | {"content-length": str(size)}, path)
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        return Response(206, headers | {"content-length": str(span.end - span.start)}, path, span)


def manifest(version: FeedVersion, since_ms: int) -> dict[str, object]:
    """Return what a feed's files are, for machines that check what they fetched."""
    extension = channel(version.channel).format.extension
    name = f"{version.feed}.{extension}"
    return {
        "workspace": version.workspace,
        "feed": version.feed,
        "channel": version.channel,
        "specification": version.spec,
        "version": version.version,
        "snapshot": version.snapshot,
        "items": version.items,
        "created": rfc3339(version.created_ms),
        "published": rfc3339(since_ms),
        "files": [
            {"name": name, "bytes": version.size, "sha256": version.digest},
            {"name": name, "encoding": "gzip", "bytes": version.gzip_size, "sha256": version.gzip_digest},
        ],
    }


def _manifest_body(version: FeedVersion, since_ms: int) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest(version, since_ms)), indent=2) + b"\n"


def _base64(raw: bytes) -> bytes:
    return base64.b64encode(raw) + b"\n"


def _small(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    headers |= {"content-type": kind, "content-length": str(len(body))}
    return Response(200, headers, b"" if request.method == "HEAD" else body)


def _manifest(request: Request, version: FeedVersion, since_ms: int, headers: dict[str, str]) -> Response:
    body = _manifest_body(version, since_ms)
    headers |= {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "etag": f'"{version.digest}-{version.version}"',
        "last-modified": formatdate(since_ms / 1000, usegmt=True),
    }
    if not_modified(request, headers["etag"], since_ms):
        return Response(304, headers | {"content-length": "0"})
    return Response(200, headers, b"" if request.method == "HEAD" else body)


def accepts_gzip(header: str) -> bool:
    """Whether ``Accept-Encoding`` allows gzip (RFC 9110, 12.5.3): named, or ``*``, and not with ``q=0``."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, _, parameter = part.strip().partition(";")
        try:
            weights[coding.strip()] = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def not_modified(request: Request, etag: str, since_ms: int) -> bool:
    """Whether the reader has these bytes (RFC 9110, 13.2.2): ``If-None-Match`` decides when it is there."""
    if (given := request.headers.get("if-none-match")) is not None:
        tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
        return "*" in tags or etag in tags
    if (given := request.headers.get("if-modified-since")) is not None:
        try:
            return since_ms // 1000 <= parsedate_to_datetime(given).timestamp()
        except ValueError:
            return False
    return False


def _caching(document: Feed) -> str:
    # A copy on the way may be five minutes old, and up to a day old when we cannot be reached (RFC 5861).
    if document.token:
        return f"private, max-age={_MAX_AGE}"
    return f"public, max-age={_MAX_AGE}, stale-while-revalidate={_MAX_AGE}, stale-if-error=86400"


def _refused(request: Request) -> Response:
    headers = {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "www-authenticate": CHALLENGE,
    }
    return Response(401, headers, b"" if request.method == "HEAD" else _NEEDS_TOKEN)


def _missing(request: Request) -> Response:
    headers = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    return Response(404, headers, b"" if request.method == "HEAD" else _NOT_FOUND)
