"""Process settings: from the environment (`REKINDLE_…`), with defaults that are safe on one machine."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

_OTHERS = ("REKINDLE_SECRET_", "REKINDLE_MASTER_KEY", "REKINDLE_TEST_", "REKINDLE_WORKSPACE")
_ALIKE = 0.85


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
        raise SettingError(_in_words(str(error), values)) from None


def misspelt(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each variable that is almost a setting's name: it is not read, and may be meant to be."""
    source = os.environ if environment is None else environment
    known = {f"REKINDLE_{field.upper()}" for field in Settings.__struct_fields__}
    found = []
    for name in sorted(source.keys() - known):
        if not name.startswith("REKINDLE_") or name.startswith(_OTHERS):
            continue
        if meant := difflib.get_close_matches(name, sorted(known), 1, _ALIKE):
            found.append(f"{name} is no setting and is not read; is {meant[0]} meant? See docs/settings.md")
    return found


def _in_words(message: str, values: Mapping[str, object]) -> str:
    """Name the variable, what is wrong with it, and its value; none of the settings is secret."""
    text, _, path = message.partition(" - at ")
    field = path.strip("`").removeprefix("$.").partition("[")[0]
    if not field:
        return f"settings: {message}; see docs/settings.md"
    value = str(values.get(field, ""))
    told = f"REKINDLE_{field.upper()} = {value!r}: {text}; see docs/settings.md"
    if value.startswith("tcp://"):
        # What Kubernetes writes for a Service called rekindle-gateway, https://kubernetes.io/docs/concepts/services-networking/service/
        told += ". Kubernetes sets it for a Service of that name: put enableServiceLinks: false into the pod's spec"
    return told


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)
