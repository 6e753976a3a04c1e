"""Files of an FTP server with TLS, read: what a folder holds, and one of them."""

from __future__ import annotations

import asyncio
import ftplib
import posixpath
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rekindle.egress.ftps import FtpServer, connected, new_session, told
from rekindle.egress.listing import Entry
from rekindle.egress.reach import Reach, TransferRefused

_BLOCK: Final = 1 << 18
_UNKNOWN: Final = ("500", "501", "502", "504")


class Ftps:
    """An open session; `open_ftps` makes one. Every method raises `TransferRefused` and `TransferFailed`."""

    def __init__(self, session: ftplib.FTP, place: str) -> None:
        self._session, self._place = session, place

    async def files(self, folder: str) -> list[Entry]:
        """Return the plain files of a folder, by name."""
        return await asyncio.to_thread(self._files, folder)

    async def download(self, path: str, into: Path, max_bytes: int) -> int:
        """Write a file's bytes to ``into``; return how many. A file of more than ``max_bytes`` is refused."""
        return await asyncio.to_thread(self._download, path, into, max_bytes)

    def _files(self, folder: str) -> list[Entry]:
        with told(f"{self._place}{folder}"):
            try:
                found = list(self._listed(folder))
            except ftplib.error_perm as error:
                if str(error)[:3] not in _UNKNOWN:
                    raise
                found = list(self._asked(folder))  # a server without MLSD (RFC 3659) is asked for each file
        return sorted(found, key=lambda entry: entry.name)

    def _listed(self, folder: str) -> Iterator[Entry]:
        for name, facts in self._session.mlsd(folder, ["type", "size", "modify"]):
            if facts.get("type", "").lower() == "file" and facts.get("size", "").isdecimal():
                yield Entry(name, int(facts["size"]), _moment(facts.get("modify", "")))

    def _asked(self, folder: str) -> Iterator[Entry]:
        names = self._session.nlst(folder)
        self._session.voidcmd("TYPE I")
        for listed in names:
            name = posixpath.basename(listed)
            path = posixpath.join(folder, name)
            with suppress(ftplib.error_perm):  # a folder has no size
                size = self._session.size(path)
                if size is not None:
                    yield Entry(name, size, self._modified(path))

    def _modified(self, path: str) -> int | None:
        with suppress(ftplib.error_perm):
            return _moment(self._session.sendcmd(f"MDTM {path}")[4:].strip())
        return None

    def _download(self, path: str, into: Path, max_bytes: int) -> int:
        place, done = f"{self._place}{path}", 0
        with told(place):
            self._session.voidcmd("TYPE I")
            with self._session.transfercmd(f"RETR {path}") as data, into.open("wb") as out:
                while block := data.recv(_BLOCK):
                    done += len(block)
                    if done > max_bytes:
                        raise TransferRefused(f"{place}: larger than {max_bytes} bytes; split it or raise the limit")
                    out.write(block)
                if isinstance(data, ssl.SSLSocket):
                    with suppress(OSError, ValueError):
                        data.unwrap()
            self._session.voidresp()
        return done


@asynccontextmanager
async def open_ftps(server: FtpServer, reach: Reach, context: ssl.SSLContext | None = None) -> AsyncIterator[Ftps]:
    """Open a session; ``context`` says whom to trust (default: the system's authorities).

    Raises `TransferRefused` and `TransferFailed`.
    """
    addresses = await reach.addresses(server.host, server.port, server.place)
    session = new_session(server, context)
    try:
        await asyncio.to_thread(connected, session, server, addresses)
        yield Ftps(session, server.place)
    finally:
        session.close()


def _moment(text: str) -> int | None:
    """Read ``20260901120000.123``, which is UTC (RFC 3659, 2.3)."""
    try:
        found = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(found.timestamp() * 1000)


__all__ = ["Ftps", "open_ftps"]
