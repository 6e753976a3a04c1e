"""Record what SQLite writes and syncs, and build the files that a power cut could have left behind.

A file system may keep, of everything written since the last sync of a file, any part: some sectors and not others, in
any order, torn in the middle. What was synced is there. So an image is the synced content of each file and a random
part of the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

import apsw

_SECTOR = 512


class Op(NamedTuple):
    """One call of SQLite to the file system. ``at``: a write's offset, a truncate's size, 1 for a delete that is synced."""

    kind: Literal["write", "truncate", "sync", "delete", "folder"]
    file: str
    at: int = 0
    data: bytes = b""


class Recorder(apsw.VFS):
    """A file layer that notes every change before it is made. Lives as long as connections use it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, base="")
        self.name = name
        self.ops: list[Op] = []

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(name, flags, self.ops)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(name, syncdir)
        # With the folder synced, the name is gone for good.
        self.ops.append(Op("delete", Path(name).name, at=int(syncdir)))


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], ops: list[Op]) -> None:
        super().__init__("", name, flags)
        path = name if isinstance(name, str) or name is None else name.filename()
        self._file = Path(path).name if path else "temporary"
        self._ops = ops

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._ops.append(Op("write", self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._ops.append(Op("truncate", self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._ops.append(Op("sync", self._file))


class Sqlite:
    """Stands where the engine's file module expects the standard ``sqlite3``: the same calls, on the recorder.

    ``careless`` turns off the syncs, to show that the images find a log that does not keep its promise.
    """

    Error = sqlite3.Error
    OperationalError = sqlite3.OperationalError
    SQLITE_BUSY = sqlite3.SQLITE_BUSY
    SQLITE_FULL = sqlite3.SQLITE_FULL

    def __init__(self, recorder: Recorder, *, careless: bool = False) -> None:
        self._recorder, self._careless = recorder, careless

    def connect(self, path: Path, **_: object) -> _Connection:
        return _Connection(apsw.Connection(str(path), vfs=self._recorder.name), self._careless)


class _Connection:
    def __init__(self, connection: apsw.Connection, careless: bool) -> None:
        self._connection, self._careless = connection, careless
        # Often, so that a short recording has many checkpoints in it.
        connection.execute("PRAGMA wal_autocheckpoint=24")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> apsw.Cursor:
        if self._careless:
            statement = statement.replace("synchronous=FULL", "synchronous=OFF")
        try:
            return self._connection.execute(statement, tuple(values))
        except apsw.BusyError as error:
            busy = sqlite3.OperationalError(str(error))
            busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise busy from None

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()


def image(ops: Sequence[Op], random: Random) -> dict[str, bytes]:
    """Return the files' content after a power cut behind ``ops``. A file that was never synced may not be there."""
    synced: dict[str, int] = {}
    folder = 0
    for place, op in enumerate(ops):
        if op.kind == "sync":
            synced[op.file] = place
        elif op.kind == "folder":
            folder = place
    chance = random.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    style = random.choice(["sectors", "sectors", "in order"])
    cut = random.randrange(len(ops) + 1)
    files: dict[str, bytearray] = {}
    for place, op in enumerate(ops):
        if op.kind in ("sync", "folder"):
            continue
        safe = place < synced.get(op.file, -1)
        content = files.setdefault(op.file, bytearray())
        if op.kind == "write":
            for at, piece in _sectors(op):
                if safe or (place < cut if style == "in order" else random.random() < chance):
                    torn = random.randrange(1, len(piece) + 1) if not safe and random.random() < 0.02 else len(piece)
                    _put(content, at, piece[:torn])
        elif op.kind == "truncate":
            if safe or random.random() < chance:
                del content[op.at :]
        elif op.at or place < folder or random.random() < 0.5:
            del files[op.file]
    return {
        name: bytes(content) for name, content in files.items() if name in synced or (content and random.random() < 0.5)
    }


def _sectors(op: Op) -> Iterator[tuple[int, bytes]]:
    at, data = op.at, op.data
    while data:
        size = _SECTOR - at % _SECTOR
        yield at, data[:size]
        at, data = at + size, data[size:]


def _put(content: bytearray, at: int, piece: bytes) -> None:
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(piece)] = piece
