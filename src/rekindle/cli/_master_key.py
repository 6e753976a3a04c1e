"""Where the master key is kept, and what unwraps it there."""

from __future__ import annotations

import os
import secrets as random
from collections.abc import Mapping
from pathlib import Path

from rekindle.engines.keys import KeyUnavailable, KeyWrapping, PlainKey, VaultTransit
from rekindle.settings import Settings


def wrapping(settings: Settings) -> KeyWrapping:
    """Return what protects the master key: Vault where ``vault_addr`` is set. Raises `KeyUnavailable`."""
    if not settings.vault_addr:
        return PlainKey()
    if not settings.vault_token_file:
        raise KeyUnavailable("REKINDLE_VAULT_ADDR is set without REKINDLE_VAULT_TOKEN_FILE; name the token's file")
    return VaultTransit(
        settings.vault_addr,
        Path(settings.vault_token_file),
        settings.vault_key,
        mount=settings.vault_mount,
        namespace=settings.vault_namespace,
        ca_file=Path(settings.vault_ca_file) if settings.vault_ca_file else None,
    )


def master_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> bytes:
    """Return the key that unseals the secrets. Raises `KeyUnavailable`, and `FileNotFoundError` without one."""
    inline = environment.get("REKINDLE_MASTER_KEY")
    path = _path(settings, environment)
    if inline is None and not path.is_file():
        raise FileNotFoundError(_missing(settings, path))
    kept = path.read_text(encoding="ascii", errors="replace") if inline is None else inline
    return _unwrap(wrapping(settings), kept.strip(), "REKINDLE_MASTER_KEY" if inline is not None else str(path))


def make_master_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """Make the data folder's master key where none is there or named, wrapped where Vault is set.

    Raises `KeyUnavailable`, and then nothing was made; so it does where another key has sealed secrets already.
    """
    path = settings.data / "keys" / "master.key"
    if path.exists() or environment.keys() & {"REKINDLE_MASTER_KEY", "REKINDLE_MASTER_KEY_FILE"}:
        return
    if _sealed(settings):
        raise KeyUnavailable(_missing(settings, path))
    path.parent.mkdir(exist_ok=True, mode=0o700)
    key = random.token_bytes(32)
    protect = wrapping(settings)
    kept = protect.wrap(key)
    if protect.unwrap(kept) != key:
        raise KeyUnavailable("the fresh master key did not come back from its wrapping as it was; nothing was made")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(kept)
        out.flush()
        os.fsync(out.fileno())


def rewrap_master_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> Path:
    """Put the same key under Vault's newest version in place of the kept form. Raises `KeyUnavailable`, `OSError`."""
    path, protect = _file(settings, environment), wrapping(settings)
    old = path.read_text(encoding="ascii", errors="replace").strip()
    key = _unwrap(protect, old, str(path))
    return _replace(path, protect, protect.rewrap(old), key)


def wrap_master_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> Path:
    """Wrap a plain master key with Vault, in place of the plain one. Raises `KeyUnavailable`, `OSError`."""
    path, protect = _file(settings, environment), wrapping(settings)
    if isinstance(protect, PlainKey):
        raise KeyUnavailable("there is nothing to wrap with; set REKINDLE_VAULT_ADDR and REKINDLE_VAULT_TOKEN_FILE")
    old = path.read_text(encoding="ascii", errors="replace").strip()
    if old.startswith("vault:"):
        raise KeyUnavailable(f"{path}: wrapped by Vault already; `rekindle masterkey rewrap` takes its newest version")
    key = _unwrap(PlainKey(), old, str(path))
    return _replace(path, protect, protect.wrap(key), key)


def _replace(path: Path, protect: KeyWrapping, kept: str, key: bytes) -> Path:
    if protect.unwrap(kept) != key:
        raise KeyUnavailable(f"{path}: the new form does not give the same key; the old one stays")
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(kept)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)
    return path


def _unwrap(protect: KeyWrapping, kept: str, place: str) -> bytes:
    try:
        return protect.unwrap(kept)
    except KeyUnavailable as error:
        raise KeyUnavailable(f"{place}: {error}") from None


def _sealed(settings: Settings) -> bool:
    return (settings.data / "secrets.json").exists()


def _missing(settings: Settings, path: Path) -> str:
    if _sealed(settings):
        return (
            f"{path}: there is no master key, but {settings.data} holds what one has sealed;"
            f" restore {path.name} from the backup (a new key cannot open it)"
        )
    return f"{path}: there is no master key; run `rekindle init` first, or check --data"


def _path(settings: Settings, environment: Mapping[str, str]) -> Path:
    return Path(environment.get("REKINDLE_MASTER_KEY_FILE", settings.data / "keys" / "master.key"))


def _file(settings: Settings, environment: Mapping[str, str]) -> Path:
    if "REKINDLE_MASTER_KEY" in environment:
        raise KeyUnavailable("the master key comes from REKINDLE_MASTER_KEY, which cannot be written; use a file")
    path = _path(settings, environment)
    if not path.is_file():
        raise KeyUnavailable(_missing(settings, path))
    return path
