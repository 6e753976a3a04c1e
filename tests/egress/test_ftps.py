"""Files over FTP with TLS, against a real server: verified, encrypted, whole or not at all."""

from __future__ import annotations

import ftplib
import hashlib
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from rekindle.egress import ftps
from rekindle.egress.ftps import FtpServer, upload_ftps
from rekindle.egress.parcel import Parcel, part_name
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from tests.egress.ftpd import PASSWORD, USER, Ftpd


async def _here(_host: str, _port: int) -> list[str]:
    return ["::1", "127.0.0.1"]  # the servers listen on the second alone


HERE = Reach(allow_private=True, resolve=_here)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Ftpd]:
    running = Ftpd(tmp_path_factory.mktemp("ftpd") / "d")
    yield running
    running.close()


@pytest.fixture
def folder(server, request) -> Path:
    made: Path = server.files / request.node.name
    made.mkdir()
    return made


def parcel(path: Path, content: bytes) -> Parcel:
    path.write_bytes(content)
    return Parcel(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


async def upload(server: Ftpd, path: str, what: Parcel, *, direct: bool = False, **changed: object) -> None:
    values: dict[str, object] = {"host": "ftp.example", "port": server.port, "user": USER, "password": PASSWORD}
    account = FtpServer(**(values | changed))  # type: ignore[arg-type]
    await upload_ftps(account, path, what, HERE, direct=direct, context=server.trust)


async def test_a_file_takes_the_place_of_the_one_before(server, folder, tmp_path) -> None:
    (folder / "feed.xml").write_bytes(b"the one before")
    (folder / f".feed.xml.{'0' * 16}.part").write_bytes(b"half of an earlier version")
    content = os.urandom(3 << 20)
    await upload(server, f"/{folder.name}/feed.xml", parcel(tmp_path / "new", content))
    assert [entry.name for entry in folder.iterdir()] == ["feed.xml"]
    assert (folder / "feed.xml").read_bytes() == content
    await upload(server, f"/{folder.name}/feed.xml", parcel(tmp_path / "new", b""), direct=True)
    assert (folder / "feed.xml").read_bytes() == b""


async def test_the_data_connection_continues_the_tls_session(server, folder, tmp_path, monkeypatch) -> None:
    reused: list[bool] = []
    original = ssl.SSLSocket.unwrap

    def unwrap(self: ssl.SSLSocket) -> object:
        reused.append(bool(self.session_reused))
        return original(self)

    monkeypatch.setattr(ssl.SSLSocket, "unwrap", unwrap)
    await upload(server, f"/{folder.name}/feed.xml", parcel(tmp_path / "new", b"new"))
    assert reused[:1] == [True]


@pytest.mark.parametrize("trouble", [ssl.SSLError("application data after close notify"), OSError("gone")])
async def test_a_server_that_does_not_say_goodbye_has_all_the_same(
    server, folder, tmp_path, monkeypatch, trouble
) -> None:
    """Neither the listing of what is left over nor the file itself fails at its end."""

    def unwrap(self: ssl.SSLSocket) -> object:
        raise trouble

    monkeypatch.setattr(ssl.SSLSocket, "unwrap", unwrap)
    (folder / f".feed.xml.{'0' * 16}.part").write_bytes(b"half of an earlier version")
    await upload(server, f"/{folder.name}/feed.xml", parcel(tmp_path / "new", b"new"))
    assert [entry.name for entry in folder.iterdir()] == ["feed.xml"]
    assert (folder / "feed.xml").read_bytes() == b"new"


async def test_a_certificate_of_nobody_or_for_another_name_is_refused(server, tmp_path) -> None:
    what = parcel(tmp_path / "new", b"x")
    with pytest.raises(TransferRefused, match="certificate is not valid"):
        await upload(server, "/feed.xml", what, host="other.example")
    account = FtpServer(host="ftp.example", port=server.port, user=USER, password=PASSWORD)
    with pytest.raises(TransferRefused, match="certificate is not valid"):
        await upload_ftps(account, "/feed.xml", what, HERE)
    assert not (server.files / "feed.xml").exists()


async def test_no_password_goes_out_in_clear_unless_the_document_says_so(tmp_path, monkeypatch) -> None:
    sent: list[str] = []
    original = ftplib.FTP.putline

    def putline(self: ftplib.FTP, line: str) -> None:
        sent.append(line)
        original(self, line)

    monkeypatch.setattr(ftplib.FTP, "putline", putline)
    plain = Ftpd(tmp_path / "plain", tls=False)
    try:
        with pytest.raises(TransferRefused, match="has no TLS"):
            await upload(plain, "/feed.xml", parcel(tmp_path / "new", b"x"))
        assert not any(line.startswith(("USER", "PASS")) for line in sent)
        await upload(plain, "/feed.xml", parcel(tmp_path / "new", b"x"), insecure=True)
        assert (plain.files / "feed.xml").read_bytes() == b"x"
    finally:
        plain.close()


async def test_who_is_not_let_in_is_told_without_naming_the_user(server, tmp_path) -> None:
    with pytest.raises(TransferRefused, match="not accepted") as caught:
        await upload(server, "/feed.xml", parcel(tmp_path / "new", b"x"), password="wrong-word")
    assert USER not in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert "wrong" not in repr(FtpServer(host="h", user=USER, password="wrong-word"))


async def test_private_addresses_are_not_connected_to(server, tmp_path) -> None:
    account = FtpServer(host="ftp.example", port=server.port, user=USER, password=PASSWORD)
    with pytest.raises(TransferRefused, match="loopback"):
        await upload_ftps(account, "/feed.xml", parcel(tmp_path / "new", b"x"), Reach(resolve=_here))


async def test_a_missing_folder_is_named(server, tmp_path) -> None:
    with pytest.raises(TransferRefused, match="check the folder"):
        await upload(server, "/nowhere/feed.xml", parcel(tmp_path / "new", b"x"))


async def test_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ftps, "_ANSWER_S", 1)  # this server says nothing more when it cannot write
    small = Ftpd(tmp_path / "small", largest=1 << 20)
    try:
        (small.files / "feed.xml").write_bytes(b"the one before")
        with pytest.raises(TransferFailed):
            await upload(small, "/feed.xml", parcel(tmp_path / "new", os.urandom(2 << 20)))
        assert (small.files / "feed.xml").read_bytes() == b"the one before"
    finally:
        small.close()


async def test_a_cut_leaves_the_earlier_file(server, folder, tmp_path, monkeypatch) -> None:
    (folder / "feed.xml").write_bytes(b"the one before")
    sent, original = [0], ssl.SSLSocket.sendall

    def cut(self: ssl.SSLSocket, data: bytes, flags: int = 0) -> None:
        original(self, data, flags)
        sent[0] += len(data)
        if sent[0] > 1 << 20:
            raise ConnectionResetError

    monkeypatch.setattr(ssl.SSLSocket, "sendall", cut)
    with pytest.raises(TransferFailed, match="ConnectionResetError"):
        await upload(server, f"/{folder.name}/feed.xml", parcel(tmp_path / "new", os.urandom(3 << 20)))
    assert (folder / "feed.xml").read_bytes() == b"the one before"


async def test_what_was_cut_is_continued(server, folder, tmp_path, monkeypatch) -> None:
    new = parcel(tmp_path / "new", os.urandom(3 << 20))
    half = new.path.read_bytes()[: 2 << 20]
    (folder / Path(part_name("feed.xml", new))).write_bytes(half)
    sent, original = [0], ssl.SSLSocket.sendall

    def counted(self: ssl.SSLSocket, data: bytes, flags: int = 0) -> None:
        sent[0] += len(data)
        original(self, data, flags)

    monkeypatch.setattr(ssl.SSLSocket, "sendall", counted)
    await upload(server, f"/{folder.name}/feed.xml", new)
    assert 1 << 20 <= sent[0] < 2 << 20, "what was there already was not sent again"
    assert (folder / "feed.xml").read_bytes() == new.path.read_bytes()
    assert [entry.name for entry in folder.iterdir()] == ["feed.xml"]


async def test_a_server_that_cannot_continue_or_overwrite(tmp_path, monkeypatch) -> None:
    # Without the right to append REST is refused before STOR.
    strict = Ftpd(tmp_path / "strict", rights="elrdfmwMT")
    try:
        new = parcel(tmp_path / "new", os.urandom(1 << 16))
        (strict.files / Path(part_name("feed.xml", new))).write_bytes(new.path.read_bytes()[:1000])
        (strict.files / "feed.xml").write_bytes(b"the one before")
        original = ftplib.FTP.rename
        seen: list[str] = []

        def rename(self: ftplib.FTP, old: str, name: str) -> str:
            seen.append(name)
            if (strict.files / "feed.xml").exists():
                raise ftplib.error_perm("553 name is in use")
            return original(self, old, name)

        monkeypatch.setattr(ftplib.FTP, "rename", rename)
        await upload(strict, "/feed.xml", new)
        assert (strict.files / "feed.xml").read_bytes() == new.path.read_bytes()
        assert len(seen) == 2
    finally:
        strict.close()


async def test_nobody_there(server, tmp_path) -> None:
    from rekindle.cli._demo.ports import choose

    with pytest.raises(TransferFailed):
        await upload(server, "/feed.xml", parcel(tmp_path / "new", b"x"), port=choose(0))


async def test_what_arrived_is_counted(server, folder, tmp_path, monkeypatch) -> None:
    new = parcel(tmp_path / "new", b"new")
    monkeypatch.setattr(ftps, "_size", lambda *_: 2)
    with pytest.raises(TransferFailed, match="3 bytes were sent and 2 arrived"):
        await upload(server, f"/{folder.name}/feed.xml", new)
    assert list(folder.iterdir()) == []
