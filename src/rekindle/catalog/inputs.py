"""Catalogues that have to be got first: the newest file of a folder on an SFTP or FTPS server, the rows of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rekindle.catalog._folder import Folder, FolderReader
from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.accounts import take_apart
from rekindle.catalog.options import check_names
from rekindle.egress.connector import SettingsError
from rekindle.egress.fetch import FetchResult, shown
from rekindle.egress.query import Query, QueryReader
from rekindle.egress.reach import TransferRefused
from rekindle.engines.secrets import SecretMissing
from rekindle.workspace import Source, duration_ms

SQL: Final = Manifest(
    name="sql",
    settings=(
        Setting("query", "one SELECT whose columns are what `columns` maps, or have the usual names", required=True),
        Setting("timeout", "how long the query may take [default: 10m]"),
        Setting(
            "tls", "verify, require (encrypted, but to whoever answers) or off [default: verify; off on this machine]"
        ),
        Setting("ca", "a file with the certificates to trust, relative to the workspace [default: the machine's]"),
    ),
    secrets=(Setting("password", "the password of the database's user"),),
)
"""Options of ``kind = "sql"``."""

SFTP: Final = Manifest(
    name="sftp",
    settings=(
        Setting("host_key", "the server's key, or a list: SHA256:… or ssh-ed25519 AAAA…", required=True),
        Setting("pattern", "which files of a folder count, such as products-*.csv; the newest is read [default: *]"),
        Setting("max_bytes", "the largest file that is read [default: 4 GiB]"),
    ),
    secrets=(
        Setting("password", "the password of the user"),
        Setting("private_key", "instead of a password: a private key in OpenSSH's format"),
        Setting("passphrase", "what opens the private key"),
    ),
)
"""Options of a location that begins with ``sftp://``."""

FTPS: Final = Manifest(
    name="ftps",
    settings=(
        Setting("pattern", "which files of a folder count, such as products-*.csv; the newest is read [default: *]"),
        Setting("max_bytes", "the largest file that is read [default: 4 GiB]"),
        Setting("insecure", "true: FTP without encryption, so that anybody on the way reads password and file"),
    ),
    secrets=(Setting("password", "the password of the user", required=True),),
)
"""Options of a location that begins with ``ftps://``."""

_LARGEST: Final = 4 << 30
_PORTS: Final = {"sftp": 22, "ftps": 21}
_TLS: Final = ("verify", "require", "off")


def manifest_of(source: Source) -> Manifest | None:
    """Return what a source must say that is got by us, None where its location is a plain file or web address."""
    if source.kind == "sql":
        return SQL
    if source.location.startswith("sftp://"):
        return SFTP
    return FTPS if source.location.startswith(("ftps://", "ftp://")) else None


def check(source: Source) -> None:
    """Check a source that is no account as far as that is possible without reading it. Raises `SettingsError`."""
    manifest = manifest_of(source)
    if manifest is SQL:
        _query(source, Path(), {})
        return
    getting = [setting.name for setting in (*manifest.settings, *manifest.secrets)] if manifest else []
    check_names(source.kind, source.options, getting)
    if manifest is not None:
        _folder(source, {})


class Inputs:
    """``secret`` gives a secret's value by its name; relative paths start at ``base``."""

    def __init__(self, query: QueryReader, folder: FolderReader, secret: Callable[[str], str]) -> None:
        self._query, self._folder, self._secret = query, folder, secret

    async def get(self, source: Source, base: Path, etag: str | None) -> FetchResult:
        """Return a new file, which the caller removes, or none when what ``etag`` names is still the newest.

        Raises `TransferRefused` and `TransferFailed`.
        """
        place = shown(source.location) if "://" in source.location else Path(source.location).name
        manifest = manifest_of(source)
        assert manifest is not None
        try:
            _, names = take_apart(manifest, _own(manifest, source.options))
            secrets = {key: self._secret(name) for key, name in names.items()}
            if manifest is SQL:
                path = await self._query.read(_query(source, base, secrets), place)
                return FetchResult(200, path, {}, place)
            there = _folder(source, secrets)
        except SettingsError as error:
            raise TransferRefused(f"{place}: {error}") from None
        except SecretMissing as error:
            raise TransferRefused(
                f"{place}: the secret {error.args[0]} is not stored; `rekindle secrets set` does it"
            ) from None
        return await self._folder.newest(there, etag)


def _own(manifest: Manifest, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are about getting the file; of a file, the rest belongs to its kind."""
    if manifest is SQL:
        return {key: value for key, value in options.items() if key not in ("sheet", "header_row")}
    known = {setting.name for setting in (*manifest.settings, *manifest.secrets)}
    return {key: value for key, value in options.items() if key in known}


def _query(source: Source, base: Path, secrets: Mapping[str, str]) -> Query:
    settings, _ = take_apart(SQL, _own(SQL, source.options))
    query, timeout, tls, ca = (settings.get(name) for name in ("query", "timeout", "tls", "ca"))
    if not isinstance(query, str):
        raise SettingsError("sql: query must be a text")
    if timeout is not None and not (isinstance(timeout, str) and re.fullmatch(r"[1-9][0-9]{0,4}[smh]", timeout)):
        raise SettingsError('sql: timeout must be a time such as "10m"')
    if tls is not None and tls not in _TLS:
        raise SettingsError(f"sql: tls must be one of {', '.join(_TLS)}")
    if ca is not None and not isinstance(ca, str):
        raise SettingsError("sql: ca must be the path of a file")
    if not source.location:
        raise SettingsError('sql: write location = "postgresql://user@host/database", or the path of a SQLite file')
    return Query(
        location=source.location if "://" in source.location else str(base / source.location),
        sql=query,
        password=secrets.get("password", ""),
        tls=tls,
        ca=base / ca if ca else None,
        timeout_s=duration_ms(timeout) // 1000 if timeout else 600,
    )


def _folder(source: Source, secrets: Mapping[str, str]) -> Folder:
    manifest = manifest_of(source)
    assert manifest is not None
    way = manifest.name
    if source.location.startswith("ftp://"):
        raise SettingsError("ftps: write ftps://…; for a server without TLS options = { insecure = true } besides")
    settings, names = take_apart(manifest, _own(manifest, source.options))
    found = re.fullmatch(rf"{way}://([^@/:]+)@([^@/:]+|\[[0-9a-fA-F:.]+\])(?::([0-9]{{1,5}}))?(/.+)", source.location)
    if found is None:
        raise SettingsError(
            f"{way}: write {way}://user@host/folder/ or {way}://user@host/path/file, without a password"
        )
    pattern, largest = settings.get("pattern", "*"), settings.get("max_bytes", _LARGEST)
    if not isinstance(pattern, str) or "/" in pattern or not pattern:
        raise SettingsError(f"{way}: pattern must be a pattern for names, such as products-*.csv")
    if not isinstance(largest, int) or isinstance(largest, bool) or largest < 1:
        raise SettingsError(f"{way}: max_bytes must be a number of bytes")
    if not isinstance(settings.get("insecure", False), bool):
        raise SettingsError(f"{way}: insecure must be true or false")
    user, host, port, path = found.groups()
    return Folder(
        way="ftp" if settings.get("insecure") else way, host=host.strip("[]"), port=int(port or _PORTS[way]), user=user,
        host_keys=_host_keys(settings, names) if manifest is SFTP else (), pattern=pattern, max_bytes=largest,
        path=path.removeprefix("/~/"), **{key: secrets.get(key) for key in ("password", "private_key", "passphrase")},
    )  # fmt: skip


def _host_keys(settings: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    keys = settings["host_key"]
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key.strip() for key in keys):
        raise SettingsError("sftp: host_key must be a key or a list of keys")
    if "password" not in names and "private_key" not in names:
        raise SettingsError(
            'sftp: store a password or a key, and write password = { secret = "its_name" }, or private_key'
        )
    return keys
