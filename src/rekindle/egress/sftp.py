"""Files over SFTP: the server's key is pinned, the address checked, and a new file takes the old one's place whole.

A file is written under another name beside its own and then renamed over it (``posix-rename@openssh.com``), so that a
reader on the other side has the earlier file or the new one. An upload that was cut is continued.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, cast

import asyncssh
import msgspec
from asyncssh.public_key import get_default_public_key_algs

from rekindle.egress.parcel import Parcel, is_part_of, part_name
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused

asyncssh.set_log_level("ERROR")  # it would log users and addresses

_CHUNK: Final = 4 << 20
_CONNECT_S: Final = 20
_LOGIN_S: Final = 30
_ALIVE_S: Final = 15


class SftpServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server and who one is there.

    ``host_keys`` are the keys that are trusted: ``SHA256:…`` fingerprints, or whole public keys (``ssh-ed25519 AAAA…``).
    One of ``password`` and ``private_key`` (OpenSSH's or PEM format; ``passphrase`` opens it) is needed.
    """

    host: str
    port: int = 22
    user: str
    host_keys: Sequence[str]
    password: str | None = None
    private_key: str | None = None
    passphrase: str | None = None

    def __repr__(self) -> str:
        return f"SftpServer({self.host}:{self.port})"

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"sftp://{self.host}" if self.port == 22 else f"sftp://{self.host}:{self.port}"


class Entry(msgspec.Struct, frozen=True):
    """A file in a folder; ``modified_ms`` is None where the server does not say."""

    name: str
    size: int
    modified_ms: int | None


class Sftp:
    """An open session; `open_sftp` makes one. Every method raises `TransferRefused` and `TransferFailed`."""

    def __init__(self, client: asyncssh.SFTPClient, place: str) -> None:
        self._client, self._place = client, place

    async def files(self, folder: str) -> list[Entry]:
        """Return the plain files of a folder, by name."""
        found = []
        with _told(f"{self._place}{folder}"):
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
        with _told(place):
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
        with _told(f"{self._place}{path}"):
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
    pins, keys = _Pins(server), _private_key(server)
    addresses = await reach.addresses(server.host, server.port, server.place)
    with _told(server.place, pins):
        connection = await _connect(server, addresses, pins, keys)
        try:
            async with connection.start_sftp_client() as client:
                yield Sftp(client, server.place)
        finally:
            connection.close()
            with suppress(asyncssh.Error, OSError):
                await connection.wait_closed()


async def _connect(
    server: SftpServer, addresses: Sequence[str], pins: _Pins, keys: list[asyncssh.SSHKey]
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


class _Pins(asyncssh.SSHClient):
    """Lets the pinned keys through and remembers the one that was none."""

    def __init__(self, server: SftpServer) -> None:
        self._trusted: set[str] = set()
        named: list[str] = []
        for text in server.host_keys:
            if text.startswith("SHA256:"):
                self._trusted.add(text.rstrip("="))
                continue
            try:
                key = asyncssh.import_public_key(text)
            except (asyncssh.KeyImportError, ValueError):
                raise TransferRefused(
                    f"{server.place}: host_key {text[:40]!r} is neither SHA256:… nor a public key"
                ) from None
            self._trusted.add(key.get_fingerprint())
            named += [algorithm.decode() for algorithm in key.sig_algorithms]
        if not self._trusted:
            raise TransferRefused(f"{server.place}: no host_key is pinned; ask the server's owner for its fingerprint")
        plain = [algorithm.decode() for algorithm in get_default_public_key_algs()]
        # A fingerprint does not say which kind of key it is of, so those that are named come first.
        self.algorithms = [*dict.fromkeys(named), *(one for one in plain if one not in named)]
        self.stranger = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        found = key.get_fingerprint()
        if found in self._trusted:
            return True
        self.stranger = found
        return False


def _private_key(server: SftpServer) -> list[asyncssh.SSHKey]:
    if server.private_key is None:
        return []
    try:
        return [asyncssh.import_private_key(server.private_key, server.passphrase)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        raise TransferRefused(
            f"{server.place}: the private key cannot be read; store it in OpenSSH's format, with its passphrase if it has one"
        ) from None


@contextmanager
def _told(place: str, pins: _Pins | None = None) -> Iterator[None]:
    """Turn the library's errors into ours: its messages name users and quote the server."""
    try:
        yield
    except asyncssh.HostKeyNotVerifiable:
        shown = pins.stranger if pins and pins.stranger else "another"
        raise TransferRefused(
            f"{place}: the server's key is {shown}, which host_key does not name; ask its owner whether that is right, "
            "and add it only then"
        ) from None
    except asyncssh.PermissionDenied:
        raise TransferRefused(f"{place}: user or secret is not accepted; check both") from None
    except asyncssh.SFTPPermissionDenied:
        raise TransferRefused(f"{place}: is not allowed there; check the path and the account's rights") from None
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        raise TransferRefused(f"{place}: there is no such file or folder; make the folder or name another") from None
    except (asyncssh.SFTPFailure, asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded):
        raise TransferFailed(f"{place}: the server could not do it; is there room on its disk?") from None
    except TimeoutError:
        raise TransferFailed(f"{place}: no answer in time") from None
    except (asyncssh.Error, OSError) as error:
        raise TransferFailed(f"{place}: {type(error).__name__}; the transfer did not end well") from None
