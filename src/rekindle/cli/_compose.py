"""The composition root: opens an installation and hands each room what it asks for."""

from __future__ import annotations

import os
import secrets as random
from collections.abc import Mapping
from pathlib import Path

import click

from rekindle import settings as process_settings
from rekindle.engines.blobs import Blobs, FolderBlobs
from rekindle.engines.database import Database, open_database
from rekindle.engines.secrets import ChainSecrets, EnvironmentSecrets, SealedFileSecrets, Secrets
from rekindle.model.clock import Clock, system_clock
from rekindle.settings import Settings
from rekindle.workspace import Versions, Workspace


class Installation:
    """Everything the processes of one installation share. Open it once per process; close it at the end."""

    def __init__(self, settings: Settings, *, folder: Path | None = None, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.folder = folder
        self.clock = clock
        data = settings.data
        self.database: Database = open_database(settings.database_url or data / "state.db")
        self.blobs: Blobs = FolderBlobs(data / "blobs")
        self.secrets: Secrets = ChainSecrets(
            [EnvironmentSecrets(os.environ), SealedFileSecrets(data / "secrets.json", _master_key(data))]
        )
        self.versions = Versions(self.database, clock, self.record)
        self._live: Mapping[str, Workspace] = {}
        self._pointers: Mapping[str, int] = {}

    def record(self, workspace: str, actor: str, action: str, detail: str) -> None:
        """Write what a person did to the ledger. Raises when it cannot be written."""

    def workspaces(self) -> Mapping[str, Workspace]:
        """Return the live workspaces by name, read again when a version was applied or rolled back."""
        pointers = self.versions.pointers()
        if pointers != self._pointers:
            self._live, self._pointers = self.versions.live(), pointers
        return self._live

    def close(self) -> None:
        """Release files and connections."""
        self.database.close()


def create(settings: Settings) -> None:
    """Make the data folder with its master key and an empty state database. Harmless where they are there."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = settings.data / "keys" / "master.key"
    key.parent.mkdir(exist_ok=True, mode=0o700)
    if not key.exists():
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(random.token_hex(32))
            out.flush()
            os.fsync(out.fileno())
    database = open_database(settings.database_url or settings.data / "state.db")
    database.create_all()
    database.close()


def open_installation(folder: Path, data: Path | None = None) -> Installation:
    """Open the installation that a workspace folder belongs to, for a command. Raises `click.ClickException`."""
    try:
        return Installation(settings_for(folder, data), folder=folder)
    except (process_settings.SettingError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None


def settings_for(folder: Path, data: Path | None = None, **overrides: object) -> Settings:
    """Return the process settings; the data folder is ``--data``, ``REKINDLE_DATA`` or ``data`` in the folder."""
    chosen = data or (None if "REKINDLE_DATA" in os.environ else folder / "data")
    return process_settings.load({"data": None if chosen is None else str(chosen)} | overrides)


def _master_key(data: Path) -> bytes:
    inline = os.environ.get("REKINDLE_MASTER_KEY")
    path = Path(os.environ.get("REKINDLE_MASTER_KEY_FILE", data / "keys" / "master.key"))
    if inline is None and not path.is_file():
        raise FileNotFoundError(f"{path}: there is no master key; run `rekindle init` first, or check --data")
    text = (inline or path.read_text(encoding="ascii")).strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise process_settings.SettingError(f"{path}: the master key must be 64 hexadecimal characters")
    return key
