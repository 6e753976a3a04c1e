"""Where a delivery goes, read from its document and checked: every fault in words before anything is sent."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from rekindle.feeds.channel import UnknownChannel, configured
from rekindle.workspace import Delivery, Feed, Workspace

_TAKEN: Final = frozenset({"pull", "push"})
_NEEDS: Final = {
    "sftp": (("password", "private_key"),),
    "ftps": (("password",),),
    "s3": (("access_key_id",), ("secret_access_key",)),
    "webhook": (("secret",),),
}
_MAY: Final = {"sftp": {"passphrase"}, "ftps": set[str](), "s3": set[str](), "webhook": {"previous_secret"}}
_PORTS: Final = {"sftp": 22, "ftps": 21}


class OutletError(ValueError):
    """The delivery's document cannot be used; the message names key and remedy."""


class Outlet(msgspec.Struct, frozen=True, kw_only=True):
    """One address, taken apart. ``path`` is a file's path, or the object's key in ``bucket``."""

    kind: str
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    url: str = ""


def outlet(delivery: Delivery, filename: str) -> Outlet:
    """Read a delivery's location; ``filename`` is added where it is a folder. Raises `OutletError`."""
    try:
        split = urlsplit(delivery.location)
        port = split.port
    except ValueError:
        raise OutletError("location cannot be read; write kind://host/path") from None
    scheme = "https" if delivery.kind == "webhook" else delivery.kind
    if not (split.scheme == scheme or (scheme == "https" and _is_here(split))) or not split.hostname:
        raise OutletError(f"location must begin with {scheme}:// and a host")
    if split.password is not None:
        raise OutletError('location holds a password; store it and write password = { secret = "its_name" }')
    if delivery.kind == "webhook":
        if split.username is not None:
            raise OutletError("location holds a user; the notice is signed, it needs none")
        return Outlet(kind="webhook", host=split.hostname, url=delivery.location)
    name = filename + (".gz" if delivery.compression == "gzip" else "")
    path = unquote(split.path)
    path += name if path.endswith("/") or not path else ""
    if any(part in ("..", ".") for part in path.split("/")) or "\0" in path or "\n" in path or "\r" in path:
        raise OutletError("location's path must name a file without . and .. in it")
    if path.endswith(".gz") != (delivery.compression == "gzip") and delivery.kind != "s3":
        raise OutletError('location and compression differ: a name in .gz goes with compression = "gzip"')
    if delivery.kind == "s3":
        return _bucket(split.netloc, path.lstrip("/"), split.query)
    if not split.username:
        raise OutletError(f"location names no user; write {delivery.kind}://user@host/path")
    if split.query or split.fragment:
        raise OutletError("location has something behind the path; write # and ? as %23 and %3F")
    # As in the usual clients: a path is absolute, and below ~ it is in the account's own folder.
    path = path.removeprefix("/~/") if path.startswith("/~/") else path
    return Outlet(
        kind=delivery.kind, host=split.hostname, port=port or _PORTS[delivery.kind], user=unquote(split.username),
        path=path,
    )  # fmt: skip


def beside(place: Outlet, extension: str) -> Outlet:
    """Return where a delta goes: ``feed.delta.jsonl`` beside ``feed.xml``, packed as that is."""
    packed = ".gz" if place.path.endswith(".gz") else ""
    folder, name = posixpath.split(place.path.removesuffix(".gz"))
    stem = posixpath.splitext(name)[0]
    return msgspec.structs.replace(place, path=posixpath.join(folder, f"{stem}.delta.{extension}{packed}"))


def _bucket(bucket: str, key: str, query: str) -> Outlet:
    known = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(known) - {"endpoint", "region"}):
        raise OutletError(f"location: {unknown[0]!r} is not known; known are endpoint, region")
    if "@" in bucket:
        raise OutletError("location holds a user; credentials are secrets: access_key_id, secret_access_key")
    endpoint = known.get("endpoint", "")
    host = urlsplit(endpoint)
    if endpoint and not ((host.scheme == "https" and host.hostname) or _is_here(host)):
        raise OutletError("location: endpoint must be an https:// address")
    return Outlet(
        kind="s3", bucket=bucket, path=key, endpoint=endpoint, region=known.get("region", "us-east-1"),
        host=host.hostname or f"s3.{known.get('region', 'us-east-1')}.amazonaws.com", port=host.port or 443,
    )  # fmt: skip


def _is_here(split: SplitResult) -> bool:
    """Clear text is for this machine only."""
    return split.scheme == "http" and split.hostname in ("127.0.0.1", "localhost", "::1")


def file_name(feed: str, document: Feed) -> str:
    """Return what the feed's file is called: ``main.xml``. Raises `UnknownChannel`."""
    return f"{feed}.{configured(document).format.extension}"


def delivery_problems(workspace: Workspace) -> list[str]:
    """Return what is wrong with the deliveries of a workspace, each with its place and remedy."""
    return [
        f"feeds/{feed}.toml: delivery {delivery.name!r}: {problem}"
        for feed, document in workspace.feeds.items()
        for delivery in document.delivery
        for problem in _problems(feed, document, delivery)
    ]


def _problems(feed: str, document: Feed, delivery: Delivery) -> Iterator[str]:
    if sum(other.name == delivery.name for other in document.delivery) > 1 or delivery.name in _TAKEN:
        yield "name is taken; every delivery of a feed needs one of its own, other than pull and push"
    try:
        outlet(delivery, file_name(feed, document))
    except OutletError as error:
        yield str(error)
    except UnknownChannel:
        pass  # told of the feed itself
    given, needs = set(delivery.secrets), _NEEDS[delivery.kind]
    for group in needs:
        if len(given & set(group)) != 1:
            ways = " or ".join(f'{key} = {{ secret = "its_name" }}' for key in group)
            yield f"{'one of ' if len(group) > 1 else ''}{ways} is needed"
    for key in sorted(given - {key for group in needs for key in group} - _MAY[delivery.kind]):
        yield f"{key} is not for {delivery.kind}; remove it"
    if delivery.kind == "sftp" and not delivery.host_key:
        yield "host_key is missing: pin the server's key, as its owner tells it (ssh-keyscan HOST | ssh-keygen -lf -)"
    if delivery.kind != "sftp" and delivery.host_key:
        yield f"host_key is not for {delivery.kind}; remove it"
    if delivery.insecure and delivery.kind != "ftps":
        yield f"insecure is not for {delivery.kind}; remove it"
    if delivery.deltas and delivery.kind == "webhook":
        yield "deltas is not for webhook: the manifest that the notice names lists them; remove it"
    if delivery.every is not None and delivery.at:
        yield "every and at are two schedules; keep one"
    try:
        ZoneInfo(delivery.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"timezone {delivery.timezone!r} is not known; write one such as Europe/Warsaw"
