"""Process settings: from the environment (`REKINDLE_…`), with defaults that are safe on one machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


class SettingError(ValueError):
    """A setting cannot be used; the message names variable, value and remedy."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process needs to know before it opens anything.

    ``data`` is the folder with the log, the state database, blobs and keys. ``log_url`` (``kafka://…``), ``database_url``
    (``postgresql+psycopg://…``) and ``blobs_url`` (``s3://bucket/prefix``) name other engines; what is empty is below
    ``data``. The worker's and the scheduler's ports answer only ``/livez``, ``/readyz`` and ``/metrics``. ``console_url``
    is how browsers reach the console; with ``https://`` its cookies are ``Secure``. ``allow_private_addresses`` lets
    catalogue URLs and destinations point into private networks.

    With ``vault_addr`` the master key is kept wrapped by the transit engine of HashiCorp Vault there: its token is read
    from ``vault_token_file``; ``vault_key`` is the wrapping key's name, ``vault_mount`` the engine's path,
    ``vault_namespace`` for Vault Enterprise, ``vault_ca_file`` for a private certificate authority.
    """

    data: Path
    host: str = "127.0.0.1"
    gateway_port: int = 8700
    console_port: int = 8701
    worker_port: int = 8702
    scheduler_port: int = 8703
    console_url: str = ""
    log_url: str = ""
    database_url: str = ""
    blobs_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    allow_private_addresses: bool = False
    log_level: str = "info"
    vault_addr: str = ""
    vault_token_file: str = ""
    vault_key: str = "rekindle"
    vault_mount: str = "transit"
    vault_namespace: str = ""
    vault_ca_file: str = ""


def load(overrides: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read settings from ``REKINDLE_<NAME>``; ``overrides`` that are not None win (the command line).

    Raises `SettingError`.
    """
    source = os.environ if environment is None else environment
    values: dict[str, object] = {"data": "rekindle-data"}
    for field in Settings.__struct_fields__:
        raw = source.get(f"REKINDLE_{field.upper()}")
        if raw is not None:
            values[field] = raw
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    proxies = values.get("trusted_proxies")
    if isinstance(proxies, str):
        values["trusted_proxies"] = [part.strip() for part in proxies.split(",") if part.strip()]
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingError(f"settings: {error}; see docs/settings.md") from None


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)
