"""Files over FTP with TLS (RFC 4217, explicit): the certificate is verified and the data is encrypted, too.

As over SFTP, a file is written under another name and then renamed. FTP has no way to ask what arrived but its size.
"""

from __future__ import annotations

import asyncio
import ftplib
import posixpath
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from rekindle.egress.parcel import Parcel, is_part_of, part_name
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused

_BLOCK: Final = 1 << 18
_ANSWER_S: Final = 60


class FtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server and who one is there. ``insecure``: no TLS at all, so anybody on the way reads the password."""

    host: str
    port: int = 21
    user: str
    password: str
    insecure: bool = False

    def __repr__(self) -> str:
        return f"FtpServer({self.host}:{self.port})"

    @property
    def place(self) -> str:
        """How messages name it."""
        return f"ftps://{self.host}" if self.port == 21 else f"ftps://{self.host}:{self.port}"


async def upload_ftps(
    server: FtpServer, path: str, parcel: Parcel, reach: Reach, *, direct: bool = False,
    context: ssl.SSLContext | None = None,
) -> None:  # fmt: skip
    """Put a file at ``path``, in place of what is there; what was cut is continued.

    ``direct`` is as in `Sftp.upload`; ``context`` says whom to trust (default: the system's authorities).
    Raises `TransferRefused` and `TransferFailed`.
    """
    addresses = await reach.addresses(server.host, server.port, server.place)
    session = new_session(server, context)
    try:
        await asyncio.to_thread(_upload, session, server, addresses, path, parcel, direct)
    except asyncio.CancelledError:
        # The thread does not know; its next answer is the end, and nothing is renamed.
        if session.sock is not None:
            with suppress(OSError):
                session.sock.shutdown(socket.SHUT_RDWR)
        raise
    finally:
        session.close()


def new_session(server: FtpServer, context: ssl.SSLContext | None = None) -> ftplib.FTP:
    """Return a session that is not connected yet; ``context`` as in `upload_ftps`."""
    # Without TLS only where the document says so in a word that nobody writes by mistake.
    session = ftplib.FTP() if server.insecure else _Session(context=context or ssl.create_default_context())  # noqa: S321 - see above
    session.encoding = "utf-8"
    return session


def connected(session: ftplib.FTP, server: FtpServer, addresses: Sequence[str]) -> None:
    """Connect to the first address that answers, and log in. Raises `TransferRefused` and `TransferFailed`."""
    with told(server.place):
        _connect(session, server, addresses)
        _login(session, server)


class _Socket(ssl.SSLSocket):
    """Says that its end is one and no cut, and lets be that not every server answers, or answers in time.

    Without it a listing fails at its end, when all of it is there.
    """

    def unwrap(self) -> socket.socket:
        with suppress(OSError, ValueError):
            return super().unwrap()
        return self


class _Session(ftplib.FTP_TLS):
    """Continues the control connection's TLS session on the data connection, which servers may insist on.

    (vsftpd's ``require_ssl_reuse``, ProFTPD's default: it proves that both are one client.)
    """

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        data, size = super(ftplib.FTP_TLS, self).ntransfercmd(cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        self.context.sslsocket_class = _Socket
        return self.context.wrap_socket(data, server_hostname=self.host, session=self.sock.session), size


def _upload(
    session: ftplib.FTP, server: FtpServer, addresses: Sequence[str], path: str, parcel: Parcel, direct: bool
) -> None:
    connected(session, server, addresses)
    place = f"{server.place}{path}"
    with told(place):
        part = path if direct else part_name(path, parcel)
        if not direct:
            _clear(session, path, part)
        # Behind the listing, which switches to text: there, line ends of a file would be changed on the way.
        session.voidcmd("TYPE I")
        there = (_size(session, part) or 0) if not direct else 0
        begin = there if there <= parcel.size else 0
        try:
            _store(session, part, parcel, begin)
        except ftplib.error_perm:
            with suppress(ftplib.Error):
                session.delete(part)
            raise
        size = _size(session, part)
        if size is not None and size != parcel.size:
            with suppress(ftplib.Error):
                session.delete(part)
            raise TransferFailed(f"{place}: {parcel.size} bytes were sent and {size} arrived")
        if not direct:
            _replace(session, part, path)
        with suppress(ftplib.Error, OSError, EOFError):
            session.quit()


def _connect(session: ftplib.FTP, server: FtpServer, addresses: Sequence[str]) -> None:
    """Connect to the first address that answers; the certificate is held against the name."""
    for number, address in enumerate(addresses, 1):
        try:
            session.connect(address, server.port, timeout=_ANSWER_S)
            break
        except OSError:
            if number == len(addresses):
                raise
    session.host = server.host


def _login(session: ftplib.FTP, server: FtpServer) -> None:
    if isinstance(session, ftplib.FTP_TLS):
        try:
            session.auth()
        except ftplib.error_perm:
            raise TransferRefused(
                f"{server.place}: the server has no TLS; insecure = true would send password and file in clear"
            ) from None
    session.login(server.user, server.password)
    if isinstance(session, ftplib.FTP_TLS):
        session.prot_p()


def _clear(session: ftplib.FTP, path: str, part: str) -> None:
    """Clear away what earlier versions left half; where listing is not allowed, nothing is."""
    folder = posixpath.dirname(path)
    with suppress(ftplib.Error):
        for entry in session.nlst(folder) if folder else session.nlst():
            name = posixpath.basename(entry)
            if is_part_of(path, name) and name != posixpath.basename(part):
                session.delete(posixpath.join(folder, name))


def _store(session: ftplib.FTP, name: str, parcel: Parcel, begin: int) -> None:
    with parcel.path.open("rb") as source:
        try:
            data = session.transfercmd(f"STOR {name}", begin or None)
        except ftplib.error_perm:
            if not begin:
                raise
            data, begin = session.transfercmd(f"STOR {name}"), 0  # it cannot go on where it was
        with data:
            source.seek(begin)
            while block := source.read(_BLOCK):
                data.sendall(block)
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
    session.voidresp()


def _size(session: ftplib.FTP, name: str) -> int | None:
    try:
        return session.size(name)
    except ftplib.error_perm:
        return None


def _replace(session: ftplib.FTP, part: str, path: str) -> None:
    try:
        session.rename(part, path)
    except ftplib.error_perm:
        session.delete(path)  # a server that takes no name that is in use
        session.rename(part, path)


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn the library's errors into ours: its messages quote the server."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise TransferRefused(
            f"{place}: the server's certificate is not valid for it; its owner must renew it"
        ) from None
    except ftplib.error_perm as error:
        code = str(error)[:3]
        if code in ("530", "532", "331"):
            raise TransferRefused(f"{place}: user or secret is not accepted; check both") from None
        if code == "552":
            raise TransferFailed(f"{place}: there is no room for it") from None
        raise TransferRefused(
            f"{place}: the server refuses ({code}); check the folder and the account's rights"
        ) from None
    except ftplib.Error as error:
        raise TransferFailed(f"{place}: the server cannot do it now ({str(error)[:3]})") from None
    except TimeoutError:
        raise TransferFailed(f"{place}: no answer in time") from None
    except (OSError, EOFError) as error:
        raise TransferFailed(f"{place}: {type(error).__name__}; the transfer did not end well") from None
