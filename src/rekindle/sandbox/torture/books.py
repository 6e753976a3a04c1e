"""The books that are kept outside the installation: what clients were told, and what the platform received."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec


class Acknowledged(msgspec.Struct, tag="ack", frozen=True):
    """A 2xx that said the event is accepted. ``at_ms`` is when the answer had been read."""

    event_id: str
    at_ms: int


class Withdrawn(msgspec.Struct, tag="withdrawn", frozen=True):
    """A 2xx to a person's withdrawal: from then on nothing of theirs may be sent."""

    person: str
    at_ms: int


class Receipt(msgspec.Struct, tag="receipt", frozen=True):
    """One event of one request at the platform. ``body`` names it from within; ``sent_ms`` is the signed time."""

    event_id: str
    body: str
    sent_ms: int


Line = Acknowledged | Withdrawn | Receipt
T = TypeVar("T", bound=Line)


class Book:
    """Lines of JSON, synced before `write` returns, so that they outlive whoever keeps them."""

    def __init__(self, path: Path) -> None:
        _mend(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, lines: Sequence[Line]) -> None:
        """Append and sync. Blocks."""
        os.write(self._descriptor, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read(path: Path, kind: type[T]) -> Iterator[T]:
    """Yield the lines of one kind; a line that was cut off by a kill was never answered for, and is left out."""
    decoder = msgspec.json.Decoder(Line)
    if not path.exists():
        return
    with path.open("rb") as lines:
        for raw in lines:
            if raw.endswith(b"\n"):
                line = decoder.decode(raw)
                if isinstance(line, kind):
                    yield line


def _mend(path: Path) -> None:
    """Cut off a half-written last line, so that the next line starts on its own."""
    if path.exists():
        whole = path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            os.truncate(path, end)
