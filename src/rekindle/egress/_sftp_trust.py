"""Whom an SFTP session trusts and by what it gets in, and its faults in words that name neither user nor secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import asyncssh
import msgspec
from asyncssh.public_key import get_default_public_key_algs

from rekindle.egress.reach import TransferFailed, TransferRefused

asyncssh.set_log_level("ERROR")  # it would log users and addresses


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


class Pins(asyncssh.SSHClient):
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


def private_keys(server: SftpServer) -> list[asyncssh.SSHKey]:
    if server.private_key is None:
        return []
    try:
        return [asyncssh.import_private_key(server.private_key, server.passphrase)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        raise TransferRefused(
            f"{server.place}: the private key cannot be read; store it in OpenSSH's format, with its passphrase if it has one"
        ) from None


@contextmanager
def told(place: str, pins: Pins | None = None) -> Iterator[None]:
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
