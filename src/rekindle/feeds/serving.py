"""Serve live versions: unchanged bytes from a file, with validators, never built in the request."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from email.utils import formatdate, parsedate_to_datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rekindle.engines.blobs import BlobMissing, Blobs, BlobsUnavailable
from rekindle.engines.database import Database
from rekindle.feeds import deltas, versions
from rekindle.feeds.access import CHALLENGE, may_read
from rekindle.feeds.channel import UnknownChannel, channel
from rekindle.feeds.deltas import Delta
from rekindle.feeds.formats import JSON_LINES, Format
from rekindle.feeds.manifests import manifest_body
from rekindle.feeds.pulls import Pulls
from rekindle.feeds.ranges import Unsatisfiable, asked
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock
from rekindle.model.web import Request, Response, Route
from rekindle.workspace import Feed

_PREFIX = "/feeds/"
_MAX_AGE = 300
_NEEDS_TOKEN = b"This feed has a token: give it as ?token=, or as the password of HTTP basic authentication.\n"
_NOT_FOUND = b"There is no such feed, or it has not been published yet.\n"


_FILE = {"schema": {"type": "string"}}
_JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
DESCRIBED = {
    "/feeds/{workspace}/{feed}.{extension}": {
        "get": {
            "summary": "A published feed, its manifest, its changes",
            "description": (
                "`extension`: the format's (`xml`, `csv`, `tsv`, `jsonl`), `json` for the manifest, `json.sig` for its"
                " signature, `pub` for the key, `delta.jsonl` for what changed since the version before."
            ),
            "parameters": [
                *(
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in ("workspace", "feed", "extension")
                ),
                {
                    "name": "token",
                    "in": "query",
                    "schema": {"type": "string"},
                    "description": "Where the feed has one.",
                },
                {"name": "version", "in": "query", "schema": {"type": "string"}, "description": "Of changes."},
            ],
            "responses": {
                "200": {"description": "The whole file.", "content": {"*/*": _FILE}},
                "206": {"description": "A range of it.", "content": {"*/*": _FILE}},
                "304": {"description": "As the `If-None-Match` header has it."},
                "401": {"description": "The feed has a token.", "content": {"text/plain": _FILE}},
                "404": {
                    "description": "There is none, or none is published.",
                    "content": {"text/plain": _FILE} | _JSON,
                },
                "416": {"description": "The range lies behind the end."},
            },
        }
    }
}
"""What the gateway says of these addresses (OpenAPI 3.1)."""


class FeedServer:
    """``GET /feeds/<workspace>/<feed>.xml`` (or what the format is called), and ``.json`` for the manifest.

    ``.delta.jsonl``, and where the channel takes such files ``.delta.xml``, is what changed from the version before.

    With a ``key``, ``.json.sig`` is the Ed25519 signature (RFC 8032) of the manifest's bytes in base64, and ``.pub`` the
    public key.

    ``settings`` returns a feed's document, or None; a feed with a token answers 401 without it. A file is sent whole or
    in part (one range), plain or as gzip; each has its own strong ``ETag``. ``pulls`` notes who was sent all of one.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Callable[[str, str], Feed | None],
        clock: Clock,
        key: Ed25519PrivateKey | None = None,
        pulls: Pulls | None = None,
    ) -> None:
        self._key = key
        self._pulls = pulls
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return what the gateway mounts."""
        return [Route(frozenset({"GET", "HEAD"}), _PREFIX + "*", self.handle, described=DESCRIBED)]

    async def handle(self, request: Request) -> Response:
        """Answer one reader."""
        workspace, _, rest = request.path.removeprefix(_PREFIX).partition("/")
        feed, _, extension = rest.partition(".")
        document = self._settings(workspace, feed) if workspace and feed else None
        if document is None:
            return _missing(request)
        if not may_read(document.token, f"{workspace}/{feed}", request.query, request.headers, self._clock()):
            return _refused(request)
        pointer = await self._database.query(lambda connection: versions.live(connection, workspace, feed))
        if pointer is None:
            return _missing(request)
        past = await self._database.query(lambda connection: deltas.history(connection, workspace, feed))
        version, since_ms = pointer
        headers = {
            "cache-control": _caching(document),
            "x-content-type-options": "nosniff",
        }
        if extension == "json.sig":
            return self._signed(request, manifest_body(version, since_ms, past), headers)
        if extension == "pub" and self._key is not None:
            return _small(request, _base64(self._key.public_key().public_bytes_raw()), "text/plain", headers)
        if extension == "json":
            return _manifest(request, version, since_ms, past, headers)
        try:
            known = channel(version.channel)
            if extension.startswith("delta."):
                return await self._delta(request, version, past, known.format, headers)
            if extension != known.format.extension:
                return _missing(request)
            headers["content-type"] = known.format.content_type
            return await self._file(request, version, since_ms, headers)
        except (BlobMissing, UnknownChannel):
            return _missing(request)

    def _signed(self, request: Request, body: bytes, headers: dict[str, str]) -> Response:
        if self._key is None:
            return _missing(request)
        return _small(request, _base64(self._key.sign(body)), "text/plain", headers)

    async def _delta(
        self,
        request: Request,
        live: FeedVersion,
        past: Sequence[Delta],
        shape: Format,
        headers: dict[str, str],
    ) -> Response:
        """Answer with the delta to the live version, or to the one that ``?version=`` names."""
        version = request.query.get("version", str(live.version))
        found = next((delta for delta in past if str(delta.version) == version), None)
        changes = request.path.endswith(".delta.jsonl")
        digest = found and (found.digest if changes else found.update_digest)
        if found is None or not digest or not (changes or request.path.endswith(f".delta.{shape.extension}")):
            return _missing(request)
        headers["content-type"] = JSON_LINES.content_type if changes else shape.content_type
        size = found.size if changes else found.update_size
        return await self._bytes(request, digest, size, f'"{digest}"', found.created_ms, headers)

    async def _file(self, request: Request, version: FeedVersion, since_ms: int, headers: dict[str, str]) -> Response:
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        digest, size = (version.gzip_digest, version.gzip_size) if packed else (version.digest, version.size)
        # A strong validator names bytes, so the two encodings have two.
        etag = f'"{version.digest}-gzip"' if packed else f'"{version.digest}"'
        headers["vary"] = "accept-encoding"
        if packed:
            headers["content-encoding"] = "gzip"
        answer = await self._bytes(request, digest, size, etag, since_ms, headers)
        if self._pulls is not None and answer.status == 200 and request.method == "GET":
            self._pulls.saw(version, size, digest, request.headers.get("user-agent", ""))
        return answer

    async def _bytes(
        self, request: Request, digest: str, size: int, etag: str, since_ms: int, headers: dict[str, str]
    ) -> Response:
        headers["etag"] = etag
        headers["last-modified"] = formatdate(since_ms / 1000, usegmt=True)
        if not_modified(request, etag, since_ms):
            return Response(304, {k: v for k, v in headers.items() if k not in ("content-type", "content-encoding")})
        headers["accept-ranges"] = "bytes"
        try:
            path = await asyncio.to_thread(self._blobs.path, digest)
        except BlobsUnavailable:
            return Response(503, {"retry-after": "30"}, b"the feed's file cannot be fetched now\n")
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


def _base64(raw: bytes) -> bytes:
    return base64.b64encode(raw) + b"\n"


def _small(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    headers |= {"content-type": kind, "content-length": str(len(body))}
    return Response(200, headers, b"" if request.method == "HEAD" else body)


def _manifest(
    request: Request, version: FeedVersion, since_ms: int, past: Sequence[Delta], headers: dict[str, str]
) -> Response:
    body = manifest_body(version, since_ms, past)
    # The delta is there a moment after the version.
    since_ms = max(since_ms, past[0].created_ms) if past else since_ms
    headers |= {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "etag": f'"{sha256(body).hexdigest()}"',
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
