"""A file that is handed to somebody else's server, and the name it has while it is under way."""

from __future__ import annotations

import posixpath
from pathlib import Path

import msgspec


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A file on this machine. ``sha256`` (64 hex characters) is of its bytes as they are, packed where they are."""

    path: Path
    size: int
    sha256: str
    content_type: str = "application/octet-stream"
    content_encoding: str = ""


def part_name(path: str, parcel: Parcel) -> str:
    """Return the temporary name beside ``path``. It names the content, so what is there of it may be continued."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f".{name}.{parcel.sha256[:16]}.part")


def is_part_of(path: str, name: str) -> bool:
    """Say whether a name in ``path``'s folder is that of an upload to ``path``, this one or an earlier one."""
    begin, end = f".{posixpath.basename(path)}.", ".part"
    middle = name.removeprefix(begin).removesuffix(end)
    return name.startswith(begin) and name.endswith(end) and len(middle) == 16 and "." not in middle
