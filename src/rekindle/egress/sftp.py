"""Files over SFTP: the server's key is pinned, the address checked, and a new file takes the old one's place whole.

A file is written under another name beside its own and then renamed over it (``posix-rename@openssh.com``), so that a
reader on the other side has the earlier file or the new one. An upload that was cut is continued.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, cast

import asyncssh

from rekindle.egress._sftp_trust import Pins, SftpServer, private_keys, told
from rekindle.egress.listing import Entry
from rekindle.egress.parcel import Parcel, is_part_of, part_name
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused

__all__ = ["Entry", "Sftp", "SftpServer", "open_sftp"]

_CHUNK: Final = 4 << 20
_CONNECT_S: Final = 20
_LOGIN_S: Final = 30
_ALIVE_S: Final = 15


class Sftp:
    """An open session; `open_sftp` makes one. Every method raises `TransferRefused` and `TransferFailed`."""

    def __init__(self, client: asyncssh.SFTPClient, place: str) -> None:
        self._client, self._place = client, place

    async def files(self, folder: str) -> list[Entry]:
        """Return the plain files of a folder, by name."""
        found = []
        with told(f"{self._place}{folder}"):
            async for each in self._client.scandir(folder):
                attributes, name = each.attrs, each.filename
                if attributes.type == asyncssh.FILEXFER_TYPE_REGULAR and attributes.size is not None:
                    modified = None if attributes.mtime is None else int(attributes.mtime * 1000)
                    text = name.decode(errors="replace") if isinstance(name, bytes) else name
                    found.append(Entry(text, attributes.size, modified))
        return sorted(found, key=lambda entry: entry.name)

    async def download(self, path: str, into: Path, max_bytes: int) -> int:
        """Write a file's bytes to ``into``; return how many. A file of more than ``max_bytes`` is refused."""
        place, done = f"{self._place}{path}", 0
        with told(place):
            async with self._client.open(path, "rb") as source:
                with into.open("wb") as out:
                    while block := await source.read(_CHUNK, done):
                        done += len(block)
                        if done > max_bytes:
                            raise TransferRefused(
                                f"{place}: larger than {max_bytes} bytes; split it or raise the limit"
                            )
                        await asyncio.to_thread(out.write, cast(bytes, block))
        return done

    async def upload(self, path: str, parcel: Parcel, *, direct: bool = False) -> None:
        """Put a file at ``path``, in place of what is there.

        ``direct`` writes it under its own name at once, for servers that rename nothing: a reader may then see half of
        it, and what was cut starts anew.
        """
        with told(f"{self._place}{path}"):
            part = path if direct else part_name(path, parcel)
            begin = 0 if direct else await self._prepared(path, part, parcel.size)
            try:
                await self._write(part, parcel, begin)
            except asyncssh.SFTPError as error:
                # It refused to go on (room, quota, rights): what is there would only take more of the room.
                if not direct and not isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
                    with suppress(asyncssh.SFTPError):
                        await self._client.remove(part)
                raise
            if (size := await self._size(part)) != parcel.size:
                with suppress(asyncssh.SFTPError):
                    await self._client.remove(part)
                raise TransferFailed(f"{self._place}{path}: {parcel.size} bytes were sent and {size} arrived")
            if not direct:
                await self._replace(part, path)

    async def _prepared(self, path: str, part: str, size: int) -> int:
        """Clear away what earlier versions left half; return from where to go on with this one."""
        with suppress(asyncssh.SFTPError):  # where listing is not allowed, nothing is cleared away
            folder = posixpath.dirname(path) or "."
            for name in await self._client.listdir(folder):
                if is_part_of(path, str(name)) and name != posixpath.basename(part):
                    await self._client.remove(posixpath.join(folder, str(name)))
        try:
            there = await self._size(part)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return 0
        # Of the last chunk that was begun any part may be missing: its requests were under way together.
        return 0 if there > size else max(0, there - 1) // _CHUNK * _CHUNK

    async def _write(self, name: str, parcel: Parcel, begin: int) -> None:
        async with self._client.open(name, "r+b" if begin else "wb") as out:
            with parcel.path.open("rb") as source:
                source.seek(begin)
                offset = begin
                while block := await asyncio.to_thread(source.read, _CHUNK):
                    await out.write(block, offset)
                    offset += len(block)
            with suppress(asyncssh.SFTPOpUnsupported):
                await out.fsync()

    async def _size(self, path: str) -> int:
        return (await self._client.stat(path)).size or 0

    async def _replace(self, part: str, path: str) -> None:
        try:
            await self._client.posix_rename(part, path)
            return
        except asyncssh.SFTPOpUnsupported:
            pass
        try:
            await self._client.rename(part, path)
        except asyncssh.SFTPError:
            # SFTP's own rename takes no name that is in use (draft-ietf-secsh-filexfer-02, 6.5).
            await self._client.remove(path)
            await self._client.rename(part, path)


@asynccontextmanager
async def open_sftp(server: SftpServer, reach: Reach) -> AsyncIterator[Sftp]:
    """Open a session. Raises `TransferRefused` and `TransferFailed`."""
    pins, keys = Pins(server), private_keys(server)
    addresses = await reach.addresses(server.host, server.port, server.place)
    with told(server.place, pins):
        connection = await _connect(server, addresses, pins, keys)
        try:
            async with connection.start_sftp_client() as client:
                yield Sftp(client, server.place)
        finally:
            connection.close()
            with suppress(asyncssh.Error, OSError):
                await connection.wait_closed()


async def _connect(
    server: SftpServer, addresses: Sequence[str], pins: Pins, keys: list[asyncssh.SSHKey]
) -> asyncssh.SSHClientConnection:
    """Connect to the first address that answers."""
    for number, address in enumerate(addresses, 1):
        try:
            return await asyncssh.connect(
                address,
                server.port,
                username=server.user,
                password=server.password,
                client_keys=keys,
                client_factory=lambda: pins,
                # Nobody's own configuration, agent or known hosts on this machine may change what the settings say.
                config=None,
                agent_path=None,
                known_hosts=([], [], []),
                server_host_key_algs=pins.algorithms,
                preferred_auth="publickey" if keys else "password,keyboard-interactive",
                connect_timeout=_CONNECT_S,
                login_timeout=_LOGIN_S,
                keepalive_interval=_ALIVE_S,
            )
        except OSError:  # nobody there; another address may answer
            if number == len(addresses):
                raise
    raise AssertionError("a host has an address")
