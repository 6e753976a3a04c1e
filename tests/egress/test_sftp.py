"""Files over SFTP, against OpenSSH's own server: pinned, whole or not at all, continued after a cut."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("asyncssh", reason="the extra sftp is not installed")

import asyncssh

from rekindle.egress import sftp
from rekindle.egress.parcel import Parcel, is_part_of, part_name
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from rekindle.egress.sftp import SftpServer, open_sftp
from tests.egress.cutting import cut_after
from tests.egress.sshd import SSHD, Sshd

pytestmark = pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine")

HERE = Reach(allow_private=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Sshd]:
    running = Sshd(tmp_path_factory.mktemp("sshd") / "d")
    yield running
    running.close()


@pytest.fixture
def folder(server, request) -> Path:
    made: Path = server.files / request.node.name.replace("[", "-").rstrip("]")
    made.mkdir()
    return made


def account(server: Sshd, **changed: object) -> SftpServer:
    values: dict[str, object] = {
        "host": "127.0.0.1", "port": server.port, "user": server.user, "host_keys": [server.fingerprint],
        "private_key": server.private_key,
    }  # fmt: skip
    return SftpServer(**(values | changed))  # type: ignore[arg-type]


def logins(server: Sshd) -> int:
    return (server.folder / "log").read_text().count("Accepted")


def parcel(path: Path, content: bytes) -> Parcel:
    path.write_bytes(content)
    return Parcel(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


async def test_a_file_takes_the_place_of_the_one_before(server, folder, tmp_path) -> None:
    (folder / "feed.xml").write_bytes(b"the one before")
    (folder / f".feed.xml.{'0' * 16}.part").write_bytes(b"half of an earlier version")
    (folder / ".feed.xml.notes.part").write_bytes(b"not ours")
    content = os.urandom(9 << 20)
    async with open_sftp(account(server), HERE) as session:
        await session.upload(f"{folder}/feed.xml", parcel(tmp_path / "new", content))
        assert [(entry.name, entry.size) for entry in await session.files(str(folder))] == [
            (".feed.xml.notes.part", 8), ("feed.xml", len(content)),
        ]  # fmt: skip
        assert await session.download(f"{folder}/feed.xml", tmp_path / "back", 1 << 30) == len(content)
    assert (folder / "feed.xml").read_bytes() == content == (tmp_path / "back").read_bytes()


async def test_a_name_without_a_folder_is_in_the_accounts_own(server, tmp_path) -> None:
    async with open_sftp(account(server), HERE) as session:
        await session.upload("plain.csv", parcel(tmp_path / "new", b"id,title\n"))
    assert (server.files / "plain.csv").read_bytes() == b"id,title\n"


@pytest.mark.parametrize("pin", ["public_key", "fingerprint"])
async def test_the_key_may_be_pinned_by_either_name(server, pin) -> None:
    async with open_sftp(account(server, host_keys=[getattr(server, pin)]), HERE) as session:
        assert isinstance(await session.files("."), list)


async def test_another_key_is_refused_before_anything_is_shown(server, folder, tmp_path) -> None:
    before = logins(server)
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(TransferRefused, match="ask its owner") as caught:
        async with open_sftp(account(server, host_keys=[stranger.get_fingerprint()]), HERE):
            pass
    assert server.fingerprint in str(caught.value)
    with pytest.raises(TransferRefused, match="no host_key is pinned"):
        async with open_sftp(account(server, host_keys=[]), HERE):
            pass
    with pytest.raises(TransferRefused, match="neither"):
        async with open_sftp(account(server, host_keys=["MD5:00"]), HERE):
            pass
    assert logins(server) == before


async def test_who_is_not_let_in_is_told_without_naming_the_user(server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    for wrong in ({"private_key": other}, {"private_key": None, "password": "s3cret-word"}):
        with pytest.raises(TransferRefused, match="not accepted") as caught:
            async with open_sftp(account(server, **wrong), HERE):
                pass
        assert server.user not in str(caught.value)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(TransferRefused, match="cannot be read"):
        async with open_sftp(account(server, private_key="no key"), HERE):
            pass


async def test_a_key_behind_a_passphrase(server) -> None:
    key = asyncssh.import_private_key(server.private_key)
    sealed = key.export_private_key("openssh", passphrase="open sesame").decode()
    async with open_sftp(account(server, private_key=sealed, passphrase="open sesame"), HERE) as session:
        assert isinstance(await session.files("."), list)
    for wrong in (None, "another"):
        with pytest.raises(TransferRefused, match="with its passphrase"):
            async with open_sftp(account(server, private_key=sealed, passphrase=wrong), HERE):
                pass


class _ByPassword(asyncssh.SSHServer):
    """OpenSSH's own asks the system for passwords, so another server stands in for it here."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("partner", "s3cret-word")


async def test_a_password_lets_in(tmp_path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    listening = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=_ByPassword, server_host_keys=[key],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(tmp_path).encode()),
    )  # fmt: skip
    async with listening:
        who = SftpServer(
            host="127.0.0.1", port=listening.get_port(), user="partner", host_keys=[key.get_fingerprint()],
            password="s3cret-word",
        )  # fmt: skip
        async with open_sftp(who, HERE) as session:
            await session.upload("/feed.xml", parcel(tmp_path / "new", b"new"))
        assert (tmp_path / "feed.xml").read_bytes() == b"new"
        with pytest.raises(TransferRefused, match="not accepted"):
            async with open_sftp(msgspec.structs.replace(who, password="wrong"), HERE):
                pass


async def test_private_addresses_are_not_connected_to(server) -> None:
    with pytest.raises(TransferRefused, match="loopback"):
        async with open_sftp(account(server), Reach()):
            pass

    async def rebound(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7"]

    with pytest.raises(TransferRefused, match="private"):
        async with open_sftp(account(server, host="feeds.example"), Reach(resolve=rebound)):
            pass


async def test_of_several_addresses_one_that_answers_is_taken(server) -> None:
    async def two(_host: str, _port: int) -> list[str]:
        return ["::1", "127.0.0.1"]  # the server listens on the second alone

    async with open_sftp(account(server, host="feeds.example"), Reach(allow_private=True, resolve=two)) as session:
        assert isinstance(await session.files("."), list)


async def test_nobody_there(server) -> None:
    from rekindle.cli._demo.ports import choose

    with pytest.raises(TransferFailed):
        async with open_sftp(account(server, port=choose(0)), HERE):
            pass


async def test_a_missing_folder_is_named(server, folder, tmp_path) -> None:
    with pytest.raises(TransferRefused, match="no such file or folder"):
        async with open_sftp(account(server), HERE) as session:
            await session.upload(f"{folder}/nowhere/feed.xml", parcel(tmp_path / "new", b"x"))


async def test_a_folder_one_may_not_write_to(tmp_path) -> None:
    with_rights_to_read = Sshd(tmp_path / "readable", sftp="internal-sftp -R")
    try:
        with pytest.raises(TransferRefused, match="not allowed"):
            async with open_sftp(account(with_rights_to_read), HERE) as session:
                await session.upload(f"{with_rights_to_read.files}/feed.xml", parcel(tmp_path / "new", b"x"))
    finally:
        with_rights_to_read.close()


async def test_a_cut_leaves_the_earlier_file_and_is_continued(server, folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sftp, "_CHUNK", 1 << 18)
    (folder / "feed.xml").write_bytes(b"the one before")
    new = parcel(tmp_path / "new", os.urandom(3 << 20))
    async with cut_after(server.port, 2 << 20) as (port, _):
        with pytest.raises(TransferFailed):
            async with open_sftp(account(server, port=port), HERE) as session:
                await session.upload(f"{folder}/feed.xml", new)
    assert (folder / "feed.xml").read_bytes() == b"the one before"
    part = folder / Path(part_name("feed.xml", new))
    there = part.read_bytes()
    assert 0 < len(there) < new.size
    # What the last chunk holds is not to be trusted: its requests were under way together.
    begun = (len(there) - 1) // (1 << 18) * (1 << 18)
    part.write_bytes(there[:begun] + bytes(len(there) - begun))
    async with (
        cut_after(server.port, 1 << 40) as (port, passed),
        open_sftp(account(server, port=port), HERE) as session,
    ):
        await session.upload(f"{folder}/feed.xml", new)
    assert passed[0] < new.size, "what was there already was not sent again"
    assert (folder / "feed.xml").read_bytes() == new.path.read_bytes()
    assert [entry.name for entry in folder.iterdir()] == ["feed.xml"]


async def test_a_full_disk_leaves_the_earlier_file(tmp_path) -> None:
    small = Sshd(tmp_path / "small", largest=1 << 20)
    try:
        (small.files / "feed.xml").write_bytes(b"the one before")
        with pytest.raises(TransferFailed, match="room on its disk"):
            async with open_sftp(account(small), HERE) as session:
                await session.upload("feed.xml", parcel(tmp_path / "new", os.urandom(2 << 20)))
        assert [entry.name for entry in small.files.iterdir()] == ["feed.xml"]
        assert (small.files / "feed.xml").read_bytes() == b"the one before"
    finally:
        small.close()


async def test_written_directly_where_nothing_can_be_renamed(server, folder, tmp_path) -> None:
    async with open_sftp(account(server), HERE) as session:
        await session.upload(f"{folder}/feed.xml", parcel(tmp_path / "new", b"new"), direct=True)
    assert (folder / "feed.xml").read_bytes() == b"new"


async def test_a_server_without_posix_rename(server, folder, tmp_path, monkeypatch) -> None:
    async def unsupported(*_: object) -> None:
        raise asyncssh.SFTPOpUnsupported("no such extension")

    monkeypatch.setattr(asyncssh.SFTPClient, "posix_rename", unsupported)
    for content in (b"first", b"second"):
        async with open_sftp(account(server), HERE) as session:
            await session.upload(f"{folder}/feed.xml", parcel(tmp_path / "new", content))
        assert (folder / "feed.xml").read_bytes() == content


async def test_what_is_too_large_is_not_read(server, folder, tmp_path) -> None:
    (folder / "big").write_bytes(b"x" * 100)
    with pytest.raises(TransferRefused, match="larger than 99"):
        async with open_sftp(account(server), HERE) as session:
            await session.download(f"{folder}/big", tmp_path / "back", 99)


def test_names_of_parts(tmp_path) -> None:
    new = parcel(tmp_path / "new", b"x")
    name = part_name("in/feed.xml", new)
    assert name == f"in/.feed.xml.{new.sha256[:16]}.part"
    assert is_part_of("in/feed.xml", name.removeprefix("in/"))
    assert not is_part_of("in/feed.xml", ".other.xml.0123456789abcdef.part")
    assert "private" not in repr(msgspec.structs.replace(SftpServer(host="h", user="u", host_keys=[]), private_key="k"))
