"""Get a file from an SFTP or FTPS server: a fixed one, or the newest of a folder; whole, and only when it is another one."""

from __future__ import annotations

import os
import posixpath
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from rekindle.egress.fetch import FetchResult
from rekindle.egress.ftps import FtpServer
from rekindle.egress.ftps_reading import open_ftps
from rekindle.egress.listing import Entry, Listing
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from rekindle.model.clock import Clock

_YOUNG_MS: Final = 60_000
_LOOK_S: Final = 5
_UNFINISHED: Final = (".part", ".filepart", ".tmp", ".temp", ".crdownload", ".swp", "~")


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file is: a server and who one is there, a path (a folder's ends with ``/``) and a pattern for names.

    ``way`` is ``sftp``, ``ftps``, or ``ftp``, which sends everything in clear.
    """

    way: str = "sftp"
    host: str
    port: int
    user: str
    host_keys: Sequence[str] = ()
    path: str
    pattern: str = "*"
    max_bytes: int = 4 << 30
    password: str | None = None
    private_key: str | None = None
    passphrase: str | None = None

    def __repr__(self) -> str:
        return f"Folder({self.host}:{self.port})"


class FolderReader:
    """Gets files into ``folder``. ``sleep`` takes seconds; ``context`` says whom to trust over FTPS."""

    def __init__(
        self, folder: Path, reach: Reach, clock: Clock, sleep: Callable[[float], Awaitable[None]],
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._folder, self._reach, self._clock, self._sleep, self._context = folder, reach, clock, sleep, context

    async def newest(self, there: Folder, known: str | None) -> FetchResult:
        """Return a file that the caller removes, or none when the newest is the one that ``known`` names.

        A file that is still being written is left until the next time: one that was written a moment ago is looked at
        twice before it is read, and each once more afterwards. Raises `TransferRefused` and `TransferFailed`.
        """
        folder, name = posixpath.split(there.path)
        opened, server = self._opened(there)
        place = f"{server}{posixpath.join('/', there.path)}"
        async with opened as session:
            found = await self._look(session, folder, name or there.pattern, place)
            etag = _mark(found)
            if etag and etag == known:
                return FetchResult(304, None, {}, place, etag=etag)
            if found.size > there.max_bytes:
                raise TransferRefused(
                    f"{place}: {found.name} has {found.size} bytes; {there.max_bytes} are read, see max_bytes"
                )
            if found.modified_ms is None or abs(self._clock() - found.modified_ms) < _YOUNG_MS:
                await self._sleep(_LOOK_S)
                _same(found, await self._look(session, folder, found.name, place), place)
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, written = tempfile.mkstemp(dir=self._folder, prefix="folder-")
            os.close(handle)
            into = Path(written)
            try:
                size = await session.download(posixpath.join(folder, found.name), into, there.max_bytes)
                after = await self._look(session, folder, found.name, place)
                _same(found, after, place)
                if size != found.size:
                    raise TransferFailed(f"{place}: {found.name} has {found.size} bytes and {size} arrived")
            except BaseException:
                into.unlink(missing_ok=True)  # noqa: ASYNC240 - one system call
                raise
        return FetchResult(200, into, {}, place, etag=etag)

    def _opened(self, there: Folder) -> tuple[AbstractAsyncContextManager[Listing], str]:
        """Return a session to be opened, and how messages name the server."""
        if there.way != "sftp":
            ftp = FtpServer(
                host=there.host, port=there.port, user=there.user, password=there.password or "",
                insecure=there.way == "ftp",
            )  # fmt: skip
            return open_ftps(ftp, self._reach, self._context), ftp.place
        try:
            from rekindle.egress.sftp import SftpServer, open_sftp
        except ImportError:
            raise TransferRefused("sftp:// needs a library: pip install 'rekindle[sftp]'") from None
        server = SftpServer(
            host=there.host, port=there.port, user=there.user, host_keys=there.host_keys, password=there.password,
            private_key=there.private_key, passphrase=there.passphrase,
        )  # fmt: skip
        return open_sftp(server, self._reach), server.place

    async def _look(self, session: Listing, folder: str, pattern: str, place: str) -> Entry:
        found = _newest(await session.files(folder or "."), pattern)
        if found is None:
            raise TransferFailed(f"{place}: no file there is called {pattern}; look at folder and pattern")
        return found


def _newest(files: Sequence[Entry], pattern: str) -> Entry | None:
    """Return the newest of the files that the pattern names; what is on its way under another name does not count."""
    exact = [entry for entry in files if entry.name == pattern]
    if exact:
        return exact[0]
    named = [
        entry
        for entry in files
        if fnmatchcase(entry.name, pattern)
        and not entry.name.startswith(".")
        and not entry.name.lower().endswith(_UNFINISHED)
    ]
    return max(named, key=lambda entry: (entry.modified_ms or 0, entry.name), default=None)


def _same(before: Entry, after: Entry, place: str) -> None:
    if before != after:
        raise TransferFailed(f"{place}: {before.name} is still being written; it is read the next time")


def _mark(entry: Entry) -> str | None:
    """Return what the file is known again by, as far as the server says when it was written."""
    return None if entry.modified_ms is None else f"{entry.name}:{entry.size}:{entry.modified_ms}"
