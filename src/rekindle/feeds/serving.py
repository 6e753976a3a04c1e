"""Serve live versions: unchanged bytes of a file, with validators, never built in the request."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Sequence
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import Connection

from rekindle.engines.blobs import BlobMissing, Blobs, BlobsUnavailable
from rekindle.engines.database import Database
from rekindle.feeds import content, deltas, versions
from rekindle.feeds.access import CHALLENGE, may_read
from rekindle.feeds.channel import UnknownChannel, channel
from rekindle.feeds.deltas import Delta
from rekindle.feeds.formats import JSON_LINES, Format
from rekindle.feeds.manifests import manifest_body
from rekindle.feeds.negotiating import CODINGS, caching, coding, etag, not_modified
from rekindle.feeds.pulls import Pulls
from rekindle.feeds.ranges import Span, Unsatisfiable, asked
from rekindle.feeds.variants import Variant, variant
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock
from rekindle.model.web import Request, Response, Route
from rekindle.workspace import Feed

_PREFIX = "/feeds/"
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


class _Live(NamedTuple):
    """What one look at the database tells of a feed that readers get; the arguments of `manifest_body`."""

    version: FeedVersion
    since_ms: int
    past: list[Delta]
    packed: Variant | None


def _live(connection: Connection, workspace: str, feed: str) -> _Live | None:
    pointer = versions.live(connection, workspace, feed)
    if pointer is None:
        return None
    return _Live(*pointer, deltas.history(connection, workspace, feed), variant(connection, pointer[0].digest))


class FeedServer:
    """``GET /feeds/<workspace>/<feed>.xml`` (or what the format is called), and ``.json`` for the manifest.

    ``.delta.jsonl``, and where the channel takes such files ``.delta.xml``, is what changed from the version before.

    With a ``key``, ``.json.sig`` is the Ed25519 signature (RFC 8032) of the manifest's bytes in base64, and ``.pub`` the
    public key.

    ``settings`` returns a feed's document, or None; a feed with a token answers 401 without it. A file is sent whole or
    in part (one range), plain, as gzip or as zstd; each has its own strong ``ETag``. ``pulls`` notes who was sent all of one.
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
        live = await self._database.query(lambda connection: _live(connection, workspace, feed))
        if live is None:
            return _missing(request)
        version, since_ms, past, packed = live
        headers = {"x-content-type-options": "nosniff"} | caching(document, workspace, feed)
        if extension == "json.sig":
            return self._signed(request, manifest_body(version, since_ms, past, packed), headers)
        if extension == "pub" and self._key is not None:
            return _small(request, _base64(self._key.public_key().public_bytes_raw()), "text/plain", headers)
        if extension == "json":
            return _manifest(request, live, headers)
        try:
            known = channel(version.channel)
            if extension.startswith("delta."):
                return await self._delta(request, version, past, known.format, headers)
            if extension != known.format.extension:
                return _missing(request)
            headers["content-type"] = known.format.content_type
            return await self._file(request, live, headers)
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

    async def _file(self, request: Request, live: _Live, headers: dict[str, str]) -> Response:
        version, packed = live.version, live.packed
        # Only the packed file is kept: who wants the plain one is sent what is unpacked on the way.
        kept = content.plain_blob(version)
        forms = {"gzip": (version.gzip_digest, version.gzip_size), "": (kept or "", version.size)}
        if packed is not None:
            forms["zstd"] = (packed.zstd_digest, packed.zstd_size)
        name = coding(request.headers, version.digest, [each for each in CODINGS if each in forms])
        digest, size = forms[name]
        headers["vary"] = "accept-encoding"
        if name:
            headers["content-encoding"] = name
        tag = etag(version.digest, name)
        answer = await self._bytes(request, digest or version, size, tag, live.since_ms, headers)
        if self._pulls is not None and answer.status == 200 and request.method == "GET":
            self._pulls.saw(
                version, size, digest if name else version.plain_digest or "", request.headers.get("user-agent", "")
            )
        return answer

    async def _bytes(
        self, request: Request, what: str | FeedVersion, size: int, tag: str, since_ms: int, headers: dict[str, str]
    ) -> Response:
        """Answer with a blob, or with a version's plain file."""
        headers["etag"] = tag
        headers["last-modified"] = formatdate(since_ms / 1000, usegmt=True)
        if not_modified(request.headers, tag, since_ms):
            return Response(304, {k: v for k, v in headers.items() if k not in ("content-type", "content-encoding")})
        headers["accept-ranges"] = "bytes"
        try:
            # Ranges are defined for GET alone (RFC 9110, 14.2).
            span = asked(request.headers, size, tag, headers["last-modified"]) if request.method == "GET" else None
        except Unsatisfiable:
            return Response(416, headers | {"content-range": f"bytes */{size}", "content-length": "0"})
        try:
            body = await asyncio.to_thread(self._content, what, span)
        except BlobsUnavailable:
            return Response(503, {"retry-after": "30"}, b"the feed's file cannot be fetched now\n")
        if request.method == "HEAD":
            return Response(200, headers | {"content-length": str(size)})
        if span is None:
            return Response(200, headers | {"content-length": str(size)}, body)
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        headers["content-length"] = str(span.end - span.start)
        return Response(206, headers, body, span if isinstance(body, Path) else None)

    def _content(self, what: str | FeedVersion, span: Span | None) -> Path | Iterator[bytes]:
        if isinstance(what, str):
            return self._blobs.path(what)
        return content.plain(self._blobs, what, *(span or ()))


def _base64(raw: bytes) -> bytes:
    return base64.b64encode(raw) + b"\n"


def _small(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    headers |= {"content-type": kind, "content-length": str(len(body))}
    return Response(200, headers, b"" if request.method == "HEAD" else body)


def _manifest(request: Request, live: _Live, headers: dict[str, str]) -> Response:
    body = manifest_body(*live)
    # The deltas and the packed form are there a moment after the version.
    since_ms = max(
        live.since_ms, live.past[0].created_ms if live.past else 0, live.packed.created_ms if live.packed else 0
    )
    headers |= {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "etag": f'"{sha256(body).hexdigest()}"',
        "last-modified": formatdate(since_ms / 1000, usegmt=True),
    }
    if not_modified(request.headers, headers["etag"], since_ms):
        return Response(304, headers | {"content-length": "0"})
    return Response(200, headers, b"" if request.method == "HEAD" else body)


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
