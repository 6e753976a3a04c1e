"""The accounts of one workspace: configured from their documents, walked, and resumed where a walk was left."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rekindle.catalog import _tables
from rekindle.catalog._detect import sources
from rekindle.catalog.account import Account, AccountModule, Manifest, Scope
from rekindle.catalog.options import COMMON, unknown
from rekindle.catalog.walker import Place, Progress, Walker, WalkStopped
from rekindle.egress.connector import SettingsError
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.engines.secrets import SecretMissing
from rekindle.workspace import Source

_OLDEST_MS: Final = 86_400_000
_place = msgspec.json.Decoder(Place)


def module_of(kind: str) -> AccountModule | None:
    """Return the kind's package when its location is an account."""
    found = sources().get(kind) if kind != "auto" else None
    return cast(AccountModule, found) if isinstance(getattr(found, "manifest", None), Manifest) else None


def take_apart(manifest: Manifest, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return an account's settings, and its secrets by the names they are stored under. Raises `SettingsError`."""
    secrets = {setting.name: setting for setting in manifest.secrets}
    known = {setting.name: setting for setting in manifest.settings}
    settings: dict[str, Any] = {}
    names: dict[str, str] = {}
    for key, value in options.items():
        if key in secrets:
            names[key] = secret_name(manifest.name, key, value)
        elif key in known:
            settings[key] = value
        elif key not in COMMON:
            raise unknown(manifest.name, key, set(known) | set(secrets) | COMMON)
    for setting in manifest.settings:
        if setting.required and not settings.get(setting.name):
            raise SettingsError(f"{manifest.name}: {setting.name} is missing: {setting.help}")
    for setting in manifest.secrets:
        if setting.required and setting.name not in names:
            raise SettingsError(
                f'{manifest.name}: {setting.name} is missing: {setting.help}; write {setting.name} = {{ secret = "its_name" }}'
            )
    return settings, names


def secret_name(source: str, key: str, value: Any) -> str:
    """Return the name a secret is stored under. Raises `SettingsError` when it is written out."""
    if isinstance(value, dict) and set(value) == {"secret"} and isinstance(value["secret"], str):
        return value["secret"]
    raise SettingsError(
        f'{source}: {key} is a secret and is never written here; store it and write {key} = {{ secret = "its_name" }}'
    )


class Accounts:
    """``secret`` gives a secret's value by its name; ``folder`` is where walks keep their records."""

    def __init__(self, database: Database, walker: Walker, secret: Callable[[str], str], folder: Path) -> None:
        self._database, self._walker, self._secret, self._folder = database, walker, secret, folder

    def configured(self, source: Source) -> tuple[AccountModule, Account]:
        """Return a source's package and its account. Raises `SettingsError` and `SecretMissing`."""
        module = module_of(source.kind)
        if module is None:
            raise SettingsError(f"{source.kind} is read from a file, not from an account")
        settings, names = take_apart(module.manifest, source.options)
        return module, module.configure(settings, {key: self._secret(name) for key, name in names.items()})

    async def walk(
        self, workspace: str, source: Source, fingerprint: str, until_ms: int | None, progress: Progress | None
    ) -> tuple[Place, Path]:
        """Go on with the whole walk of a source, or begin it; return where it is and the file of its records.

        A walk that was left is resumed when its file is still here, its settings are the same and it is less than a day
        old. Raises `WalkStopped`; then, unless ``lost``, the place is kept.
        """
        file = self._file(workspace, source.name)
        try:
            module, account = self.configured(source)
        except (SettingsError, SecretMissing) as error:
            words = str(error.args[0]) if error.args else str(error)
            raise WalkStopped("settings", words, next_ms=self._walker.now + _OLDEST_MS, lost=True) from None
        with _alone(file, self._walker.now):
            place = await self._database.query(lambda c: self._left(c, workspace, source.name, fingerprint))
            if place is None or not _holds(file, place.size) or self._walker.now - place.started_ms > _OLDEST_MS:
                place = self._walker.start(account, Scope())

            async def save(now: Place) -> None:
                await self._database.run(lambda c: self._keep(c, workspace, source.name, fingerprint, now))

            try:
                place = await self._walker.go(
                    account,
                    module.manifest,
                    place,
                    file,
                    scope=Scope(),
                    save=save,
                    until_ms=until_ms,
                    progress=progress,
                )
            except WalkStopped as stopped:
                if stopped.lost:
                    await self.forget(workspace, source.name)
                raise
        return place, file

    async def read_some(self, source: Source, scope: Scope, file: Path) -> Place:
        """Read what ``scope`` names into ``file``. Raises `WalkStopped`, `SettingsError` and `SecretMissing`."""
        module, account = self.configured(source)
        place = self._walker.start(account, scope)
        return await self._walker.go(account, module.manifest, place, file, scope=scope)

    def waiting(self, connection: Connection, workspace: str) -> dict[str, int]:
        """Return the sources whose walk is not at its end, and when each may go on."""
        table = _tables.walks
        query = sa.select(table.c.source, table.c.next_ms).where(table.c.workspace == workspace)
        return {row.source: row.next_ms for row in connection.execute(query)}

    async def forget(self, workspace: str, source: str) -> None:
        """Drop a walk's place and file: it is imported, or of no use."""
        table = _tables.walks

        def drop(connection: Connection) -> None:
            connection.execute(sa.delete(table).where(table.c.workspace == workspace, table.c.source == source))

        await self._database.run(drop)
        self._file(workspace, source).unlink(missing_ok=True)

    def _left(self, connection: Connection, workspace: str, source: str, fingerprint: str) -> Place | None:
        table = _tables.walks
        query = sa.select(table.c.place).where(
            table.c.workspace == workspace, table.c.source == source, table.c.fingerprint == fingerprint
        )
        found = connection.execute(query).scalar()
        try:
            return _place.decode(found) if found is not None else None
        except msgspec.MsgspecError:
            return None  # written by another release

    def _keep(self, connection: Connection, workspace: str, source: str, fingerprint: str, place: Place) -> None:
        key = {"workspace": workspace, "source": source}
        values = {"fingerprint": fingerprint, "next_ms": place.next_ms, "place": msgspec.json.encode(place)}
        insert = upsert(_tables.walks, self._database.dialect).values(key | values)
        connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=values))

    def _file(self, workspace: str, source: str) -> Path:
        return self._folder / workspace / f"{source}.jsonl"


def _holds(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size >= size


@contextmanager
def _alone(file: Path, now_ms: int) -> Iterator[None]:
    """Keep other processes from writing the same walk. Raises `WalkStopped`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise WalkStopped("busy", "another import of this source is under way", next_ms=now_ms + 60_000) from None
    finally:
        os.close(handle)
