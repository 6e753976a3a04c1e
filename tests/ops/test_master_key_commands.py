"""An installation whose master key only Vault opens: `init`, `masterkey wrap` and `rewrap`, and what runs without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import main
from tests.engines.vault_server import TOKEN, TransitServer, transit_server


@pytest.fixture
def server() -> Iterator[TransitServer]:
    with transit_server() as running:
        yield running


@pytest.fixture
def vault(server: TransitServer, tmp_path: Path) -> dict[str, str]:
    """The environment that names Vault."""
    (tmp_path / "token").write_text(TOKEN)
    return {"REKINDLE_VAULT_ADDR": server.address, "REKINDLE_VAULT_TOKEN_FILE": str(tmp_path / "token")}


def run(environment: dict[str, str], *words: str | Path, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env=environment, input=typed)


def init(folder: Path, environment: dict[str, str]) -> Result:
    return run(environment, "init", folder, "--name", "shop")


def names(folder: Path, environment: dict[str, str]) -> Result:
    return run(environment, "secrets", "list", "-w", folder)


def test_init_wraps_a_fresh_key_and_only_vault_opens_it(
    tmp_path: Path, vault: dict[str, str], server: TransitServer
) -> None:
    folder = tmp_path / "shop"
    assert init(folder, vault).exit_code == 0
    kept = (folder / "data" / "keys" / "master.key").read_text()
    assert kept.startswith("vault:v1:")
    assert run(vault, "secrets", "set", "-w", folder, "meta_token", typed="EAAB\n").exit_code == 0
    assert "keys/vault_1" in names(folder, vault).output
    without = names(folder, {})
    assert without.exit_code == 1
    assert "REKINDLE_VAULT_ADDR" in without.output
    server.sealed = True
    sealed = names(folder, vault)
    assert sealed.exit_code == 1
    assert "sealed" in sealed.output
    assert not [secret for secret in (TOKEN, kept, "Traceback") if secret in sealed.output]


def test_init_with_a_sealed_vault_makes_no_key(tmp_path: Path, vault: dict[str, str], server: TransitServer) -> None:
    folder = tmp_path / "shop"
    server.sealed = True
    refused = init(folder, vault)
    assert refused.exit_code == 1
    assert "sealed" in refused.output
    assert not (folder / "data" / "keys" / "master.key").exists()
    assert not (folder / "data" / "secrets.json").exists()
    server.sealed = False
    assert init(folder, vault).exit_code == 0


def test_a_token_that_may_only_encrypt_makes_no_key(
    tmp_path: Path, vault: dict[str, str], server: TransitServer
) -> None:
    server.denied = {"decrypt"}
    assert "transit/decrypt/rekindle" in init(tmp_path / "shop", vault).output
    assert not (tmp_path / "shop" / "data" / "keys" / "master.key").exists()


def test_a_plain_key_is_wrapped_later_and_rotated(tmp_path: Path, vault: dict[str, str], server: TransitServer) -> None:
    folder = tmp_path / "shop"
    assert init(folder, {}).exit_code == 0
    file = folder / "data" / "keys" / "master.key"
    plain = file.read_text()
    refused = names(folder, vault)
    assert refused.exit_code == 1
    assert "masterkey wrap" in refused.output
    assert plain not in refused.output
    assert run(vault, "masterkey", "wrap", "-w", folder).exit_code == 0
    assert file.read_text().startswith("vault:v1:")
    assert file.stat().st_mode & 0o77 == 0
    assert "keys/vault_1" in names(folder, vault).output
    server.rotate()
    assert run(vault, "masterkey", "rewrap", "-w", folder).exit_code == 0
    assert file.read_text().startswith("vault:v2:")
    server.keys["rekindle"][0] = bytes(32)
    assert "keys/vault_1" in names(folder, vault).output
    assert plain not in "".join(str(body) for _, _, body, _ in server.seen)


def test_a_wrapping_that_fails_leaves_the_key_as_it_was(
    tmp_path: Path, vault: dict[str, str], server: TransitServer
) -> None:
    folder = tmp_path / "shop"
    assert init(folder, {}).exit_code == 0
    file = folder / "data" / "keys" / "master.key"
    plain = file.read_text()
    server.denied = {"decrypt"}
    assert run(vault, "masterkey", "wrap", "-w", folder).exit_code == 1
    server.denied, server.sealed = set(), True
    assert run(vault, "masterkey", "wrap", "-w", folder).exit_code == 1
    assert run({}, "masterkey", "wrap", "-w", folder).exit_code == 1
    assert file.read_text() == plain
    assert names(folder, {}).exit_code == 0
