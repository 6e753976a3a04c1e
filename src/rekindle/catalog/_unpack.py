"""Unpack gzip and zip with caps, so that a small hostile file cannot fill the disk."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, cast

import msgspec

from rekindle.catalog.report import Report, refuse

_CHUNK = 1 << 20
_LAYERS: Final = 3
_FEEDS: Final = (".xml", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".rss", ".xlsx", ".gz")


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Limits(msgspec.Struct, frozen=True):
    """Caps of one input: ``max_bytes`` unpacked; ``max_ratio`` unpacked to packed, once ``free_bytes`` are out."""

    max_bytes: int = 8 << 30
    max_ratio: int = 200
    free_bytes: int = 64 << 20


def unpack(path: Path, target: Path, report: Report, limits: Limits, whole: Callable[[Path], object]) -> Path:
    """Return ``path`` itself when it is not packed, else a file beside ``target`` with its content. Raises `Refused`.

    A server that packs on the way often packs what is packed already, so that it is unpacked again, but not for ever; the
    ratio is that to the file that came. ``whole`` says of what is packed that it stays so: workbooks are zip files.
    """
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise refuse("too-large", f"keep the file below {limits.max_bytes} bytes", size)
    layers = 0
    while (magic := _magic(path)) and not whole(path):
        layers += 1
        if layers > _LAYERS:
            raise refuse("packed-often", f"pack the file once; it was unpacked {_LAYERS} times and is still packed")
        inner = target.with_name(f"{target.name}{layers}")
        if magic == "gzip":
            with gzip.open(path) as packed:
                _copy(packed, inner, size, report, limits)
        else:
            _unzip(path, inner, size, report, limits)
        path = inner
    if layers > 1:
        report.add("packed-twice", "pack the file once; it was unpacked", severity="note", value=f"{layers} times")
    return path


def _magic(path: Path) -> str:
    with path.open("rb") as file:
        magic = file.read(4)
    return "gzip" if magic[:2] == b"\x1f\x8b" else "zip" if magic == b"PK\x03\x04" else ""


def _unzip(path: Path, target: Path, size: int, report: Report, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                info
                for info in archive.infolist()
                if not info.is_dir()
                and not info.filename.startswith("__MACOSX/")
                and not Path(info.filename).name.startswith(".")
            ]
            if not members:
                raise refuse("empty-file", "put the feed into the zip file", path.name)
            named = [info for info in members if info.filename.lower().endswith(_FEEDS)] or members
            chosen = max(named, key=lambda info: info.file_size)
            if len(members) > 1:
                others = ", ".join(sorted(info.filename for info in members if info is not chosen))
                remedy = f"keep one file in the zip; {chosen.filename}, the largest that may be a feed, was read"
                report.add("zip-extra-files", remedy, severity="note", value=others)
            if chosen.flag_bits & 1:
                raise refuse("zip-encrypted", "publish the zip without a password", chosen.filename)
            with archive.open(chosen) as packed:
                _copy(cast("zipfile.ZipExtFile", packed), target, size, report, limits)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise refuse("zip-damaged", "publish the zip again; it cannot be opened", error) from None


def _copy(packed: _Readable, target: Path, size: int, report: Report, limits: Limits) -> None:
    written = 0
    with target.open("wb") as out:
        while True:
            try:
                block = packed.read1(_CHUNK)
            except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
                if not written:
                    raise refuse("packed-damaged", "publish the file again; it cannot be unpacked", error) from None
                report.cut_short("packed-truncated", "publish the packed file again, whole", value=error)
                return
            if not block:
                return
            written += len(block)
            if written > limits.max_bytes:
                raise refuse("too-large", f"keep the unpacked file below {limits.max_bytes} bytes")
            if written > limits.free_bytes and written > size * limits.max_ratio:
                raise refuse("packed-bomb", f"the file unpacks to more than {limits.max_ratio} times its size", written)
            out.write(block)
