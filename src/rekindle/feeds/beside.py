"""What a delivery takes beside the full file: what changed since the version that arrived there last."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rekindle.egress.parcel import Parcel
from rekindle.feeds.channel import channel
from rekindle.feeds.deltas import Deltas
from rekindle.feeds.formats import JSON_LINES, Format
from rekindle.feeds.outlets import Outlet, beside
from rekindle.feeds.versions import FeedVersion
from rekindle.workspace import Delivery


@contextmanager
def deltas_beside(
    deltas: Deltas, since: int, version: FeedVersion, delivery: Delivery, place: Outlet
) -> Iterator[list[tuple[Outlet, Parcel]]]:
    """Write the delta, and tell where each of its files goes; they last as long as the block.

    Nothing where the version before is not there any more: the full file, which goes first, is all there is then.
    """
    with deltas.between(since, version) as files:
        found: list[tuple[Outlet, Parcel]] = []
        if files is not None:
            found.append(_parcel(files.changes, JSON_LINES, delivery, beside(place, JSON_LINES.extension)))
            shape = channel(version.channel).format
            if files.update is not None:
                found.append(_parcel(files.update, shape, delivery, beside(place, shape.extension)))
        yield found


def _parcel(file: Path, shape: Format, delivery: Delivery, place: Outlet) -> tuple[Outlet, Parcel]:
    packed = delivery.compression == "gzip"
    if packed:
        target = file.with_name(f"{file.name}.packed")
        with (
            file.open("rb") as plain,
            target.open("wb") as out,
            gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as zipped,
        ):
            shutil.copyfileobj(plain, zipped, 1 << 20)
        file = target
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return place, parcel_of(file, file.stat().st_size, digest, shape, place, packed=packed)


def parcel_of(path: Path, size: int, digest: str, shape: Format, place: Outlet, *, packed: bool) -> Parcel:
    """Return a file as it is carried: what is called .gz is a gzip file; any other that is packed is its content."""
    named = packed and place.path.endswith(".gz")
    return Parcel(
        path=path, size=size, sha256=digest, content_type="application/gzip" if named else shape.content_type,
        content_encoding="gzip" if packed and not named else "",
    )  # fmt: skip
