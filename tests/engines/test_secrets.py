"""What every secret store keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.engines.secrets import ChainSecrets, EnvironmentSecrets, SealedFileSecrets, SecretMissing, Secrets

KEY = bytes(range(32))


@pytest.fixture(params=["sealed_file", "environment", "chain"])
def secrets(request: pytest.FixtureRequest, tmp_path: Path) -> Secrets:
    """A store that holds ``meta_token = EAAB``."""
    if request.param == "environment":
        return EnvironmentSecrets({"REKINDLE_SECRET_META_TOKEN": "EAAB"})
    store = SealedFileSecrets(tmp_path / "secrets.json", KEY)
    store.put("meta_token", "EAAB")
    return ChainSecrets([EnvironmentSecrets({}), store]) if request.param == "chain" else store


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    store = SealedFileSecrets(tmp_path / "secrets.json", KEY)
    chain = ChainSecrets([EnvironmentSecrets({"REKINDLE_SECRET_META_TOKEN": "from outside"}), store])
    chain.put("meta_token", "stored")
    assert (chain.get("meta_token"), store.get("meta_token")) == ("from outside", "stored")


def test_a_secret_is_read_by_name(secrets: Secrets) -> None:
    assert secrets.get("meta_token") == "EAAB"
    assert secrets.names() == ["meta_token"]


def test_a_missing_secret_is_told_with_the_remedy(secrets: Secrets) -> None:
    with pytest.raises(SecretMissing, match="set"):
        secrets.get("google_token")


def test_the_environment_can_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("EAAB\n")
    secrets = EnvironmentSecrets({"REKINDLE_SECRET_META_TOKEN_FILE": str(tmp_path / "token")})
    assert secrets.get("meta_token") == "EAAB"


def test_the_sealed_file_shows_no_value_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    SealedFileSecrets(path, KEY).put("meta_token", "EAAB-very-secret")
    assert b"very-secret" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    SealedFileSecrets(path, KEY).put("meta_token", "EAAB")
    with pytest.raises(SecretMissing, match="another master key"):
        SealedFileSecrets(path, bytes(32)).get("meta_token")


def test_sealed_values_cannot_be_swapped(tmp_path: Path) -> None:
    import msgspec

    path = tmp_path / "secrets.json"
    store = SealedFileSecrets(path, KEY)
    store.put("a", "one")
    sealed = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({"b": sealed["a"]}))
    with pytest.raises(SecretMissing):
        store.get("b")
