"""What every engine for the master key keeps, and what Vault's answers come to."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rekindle.engines.keys import KeyUnavailable, KeyWrapping, PlainKey, VaultTransit
from tests.engines.vault_server import TOKEN, TransitServer, transit_server

KEY = bytes(range(32))


@pytest.fixture
def server() -> Iterator[TransitServer]:
    with transit_server() as running:
        yield running


@pytest.fixture
def transit(server: TransitServer, tmp_path: Path) -> VaultTransit:
    return connect(server.address, tmp_path)


def connect(address: str, folder: Path, token: str = TOKEN, name: str = "rekindle") -> VaultTransit:
    file = folder / "token"
    file.write_text(token + "\n")
    return VaultTransit(address, file, name, timeout_seconds=5)


@pytest.fixture(params=["plain", "vault_transit"])
def engine(request: pytest.FixtureRequest) -> KeyWrapping:
    return PlainKey() if request.param == "plain" else request.getfixturevalue("transit")


def test_a_key_comes_back_from_its_kept_form(engine: KeyWrapping) -> None:
    kept = engine.wrap(KEY)
    assert kept.isascii()
    assert "\n" not in kept
    assert engine.unwrap(kept) == engine.unwrap(engine.rewrap(kept)) == KEY


@pytest.mark.parametrize("kept", ["", "no key", "00" * 31, "vault:v1:", "vault:v0:AAAA", "vault:v1:AAAA\nX"])
def test_what_is_no_kept_form_is_refused(engine: KeyWrapping, kept: str) -> None:
    with pytest.raises(KeyUnavailable):
        engine.unwrap(kept)


def test_engines_do_not_take_each_others_form(transit: VaultTransit, server: TransitServer) -> None:
    with pytest.raises(KeyUnavailable, match="REKINDLE_VAULT_ADDR"):
        PlainKey().unwrap(transit.wrap(KEY))
    asked = len(server.seen)
    with pytest.raises(KeyUnavailable, match="masterkey wrap"):
        transit.unwrap(KEY.hex())
    assert len(server.seen) == asked  # a plain key is never sent where a ciphertext belongs


def test_the_requests_are_those_of_the_documentation(transit: VaultTransit, server: TransitServer) -> None:
    kept = transit.wrap(KEY)
    assert kept.startswith("vault:v1:")
    transit.unwrap(kept)
    transit.rewrap(kept)
    assert [(action, name, body) for action, name, body, _ in server.seen] == [
        ("encrypt", "rekindle", {"plaintext": base64.b64encode(KEY).decode()}),
        ("decrypt", "rekindle", {"ciphertext": kept}),
        ("rewrap", "rekindle", {"ciphertext": kept}),
    ]
    assert all(headers["x-vault-token"] == TOKEN for *_, headers in server.seen)


def test_rotation_is_vaults_rewrap(transit: VaultTransit, server: TransitServer) -> None:
    kept = transit.wrap(KEY)
    server.rotate()
    assert transit.unwrap(kept) == KEY
    newer = transit.rewrap(kept)
    assert newer.startswith("vault:v2:")
    server.keys["rekindle"][0] = bytes(32)  # the old version is gone
    assert transit.unwrap(newer) == KEY
    with pytest.raises(KeyUnavailable):
        transit.unwrap(kept)


def test_a_renewed_token_is_used(transit: VaultTransit, tmp_path: Path) -> None:
    kept = transit.wrap(KEY)
    (tmp_path / "token").write_text("hvs.ended")
    with pytest.raises(KeyUnavailable, match="403"):
        transit.unwrap(kept)
    (tmp_path / "token").write_text(TOKEN)
    assert transit.unwrap(kept) == KEY


def said(error: BaseException) -> str:
    """Everything that a log or a traceback would show of it."""
    assert error.__suppress_context__ or error.__context__ is None
    return f"{error!r} {error.__cause__!r}"


def assert_silent(error: BaseException, kept: str) -> None:
    text = said(error)
    for secret in (TOKEN, KEY.hex(), base64.b64encode(KEY).decode(), kept.split(":")[2]):
        assert secret not in text


def test_a_sealed_vault_says_so_and_gives_nothing(transit: VaultTransit, server: TransitServer) -> None:
    kept = transit.wrap(KEY)
    server.sealed = True
    for action in (lambda: transit.unwrap(kept), lambda: transit.rewrap(kept), lambda: transit.wrap(KEY)):
        with pytest.raises(KeyUnavailable, match="sealed") as caught:
            action()
        assert_silent(caught.value, kept)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((500, b"{}"), "500"),
        ((307, b""), "not followed"),
        ((404, b'{"errors":[]}'), "404"),
        ((200, b"<html>"), "not Vault's"),
        ((200, b'{"data":null}'), "not Vault's"),
        ((200, b'{"data":{"plaintext":7}}'), "not Vault's"),
        ((200, b'{"data":{"plaintext":"AAAA"}}'), "32 bytes"),
        ((200, b'{"data":{"plaintext":"\xc3\xa9"}}'), "32 bytes"),
        ((200, b'{"data":{"plaintext":"' + b"A" * 70_000 + b'"}}'), "not Vault's"),
    ],
)
def test_other_answers_give_nothing(
    transit: VaultTransit, server: TransitServer, answer: tuple[int, bytes], says: str
) -> None:
    kept = transit.wrap(KEY)
    server.answer = answer
    with pytest.raises(KeyUnavailable, match=says) as caught:
        transit.unwrap(kept)
    assert_silent(caught.value, kept)


def test_another_key_or_an_altered_text_is_refused(
    server: TransitServer, transit: VaultTransit, tmp_path: Path
) -> None:
    kept = transit.wrap(KEY)
    altered = kept[:-5] + ("AAAA=" if kept[-5:] != "AAAA=" else "BBBB=")
    with pytest.raises(KeyUnavailable, match="400") as caught:
        transit.unwrap(altered)
    assert_silent(caught.value, altered)
    with pytest.raises(KeyUnavailable, match="400"):
        connect(server.address, tmp_path, name="another").unwrap(kept)


def test_a_vault_that_is_not_there_says_so(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(KeyUnavailable, match="does not answer") as caught:
        connect(address, tmp_path).wrap(KEY)
    assert_silent(caught.value, "vault:v1:-")


@pytest.mark.parametrize("token", ["", "two tokens", "a\nb", "a\r\nX-Other: b"])
def test_a_token_file_without_one_token_is_refused(server: TransitServer, tmp_path: Path, token: str) -> None:
    with pytest.raises(KeyUnavailable, match="one token"):
        connect(server.address, tmp_path, token=token).wrap(KEY)
    (tmp_path / "token").unlink()
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        VaultTransit(server.address, tmp_path / "token", "rekindle").wrap(KEY)
    assert not server.seen


@pytest.mark.parametrize(
    "address",
    ["vault", "ftp://vault", "http://vault.example:8200", "https://u:p@vault", "https://vault:99999", "https://"],
)
def test_an_address_that_would_leak_or_lead_nowhere_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="REKINDLE_VAULT_ADDR"):
        VaultTransit(address, tmp_path / "token", "rekindle")
