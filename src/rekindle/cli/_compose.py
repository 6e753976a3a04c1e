"""The composition root: opens an installation and hands each room what it asks for."""

from __future__ import annotations

import os
import random as jitter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import click

from rekindle import settings as process_settings
from rekindle.cli._master_key import make_master_key, master_key
from rekindle.collect.entropy import pooled_random
from rekindle.egress.credentials import Credentials
from rekindle.egress.http import Transport
from rekindle.engines.blobs import Blobs, FolderBlobs
from rekindle.engines.database import Database, open_database
from rekindle.engines.database.lease import Fenced, Lease
from rekindle.engines.database.migrate import NewerDatabaseError, migrate
from rekindle.engines.keys import KeyUnavailable
from rekindle.engines.log import Log, SqliteLog
from rekindle.engines.secrets import ChainSecrets, EnvironmentSecrets, SealedFileSecrets, SecretMissing, Secrets
from rekindle.model.clock import Clock, system_clock
from rekindle.privacy.consents import ConsentView
from rekindle.privacy.keys import Keyring, KeyUnusable
from rekindle.privacy.ledger import Ledger, LedgerLine
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.redact import clean_note, clean_text
from rekindle.privacy.vault import Vault
from rekindle.privacy.vendor_lists import VendorLists
from rekindle.settings import Settings
from rekindle.workspace import Versions, Workspace

_LOOK_MS = 1000


class Installation:
    """Everything the processes of one installation share. Open it once per process; close it at the end.

    What costs something to open (the log, the keys) is opened when it is first asked for.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        folder: Path | None = None,
        clock: Clock = system_clock,
        database: Database | None = None,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.clock = clock
        data = settings.data
        self.database: Database = database or open_database(settings.database_url or data / "state.db")
        self.secrets: Secrets = ChainSecrets(
            [EnvironmentSecrets(os.environ), SealedFileSecrets(data / "secrets.json", master_key(settings))]
        )
        self.versions = Versions(self.database, clock, self.record, self._approvers, clean_text)
        self._live: Mapping[str, Workspace] = {}
        self._pointers: Mapping[str, int] = {}
        self._looked_ms = 0

    @cached_property
    def log(self) -> Log:
        """The event log: a file, or Kafka when ``log_url`` says so. Raises `SettingError`."""
        if not self.settings.log_url:
            return SqliteLog(self.settings.data / "log.db", clock=self.clock)
        return open_kafka(self.settings.log_url, self.secrets, self.clock)

    @cached_property
    def blobs(self) -> Blobs:
        """Snapshots, feeds and archives: a folder, or S3 when ``blobs_url`` says so. Raises `SettingError`."""
        if not self.settings.blobs_url:
            return FolderBlobs(self.settings.data / "blobs")
        return open_s3(self.settings.blobs_url, self.settings.data / "blobs", self.secrets, self.clock)

    @cached_property
    def keyring(self) -> Keyring:
        """The installation's own keys."""
        return Keyring(self.secrets)

    @cached_property
    def ledger(self) -> Ledger:
        """The tamper-evident record."""
        return Ledger(self.database, self.keyring, self.clock, link=self.vault.link)

    @cached_property
    def vault(self) -> Vault:
        """Seals and opens personal data."""
        return Vault(self.database, self.keyring, self.clock, random=pooled_random())

    @cached_property
    def pseudonymiser(self) -> Pseudonymiser:
        """Names visitors without naming them."""
        return Pseudonymiser(self.keyring, self.clock)

    def credentials(self, transport: Transport) -> Credentials:
        """Return the tokens that renew themselves, asked for through ``transport``."""
        holder = f"{os.uname().nodename}/{os.getpid()}"
        key = self.keyring.derive("access tokens")
        return Credentials(self.database, self.secrets.get, key, transport, self.clock, holder, jitter.random)

    @cached_property
    def consents(self) -> ConsentView:
        """The newest consent of each visitor. Only the process that drives it (the worker) may refresh it."""
        return ConsentView(self.log, self.database, names=self.pseudonymiser, clock=self.clock)

    @cached_property
    def vendors(self) -> VendorLists:
        """The vendor lists by which TC strings are read."""
        return VendorLists(self.database, self.blobs, self.clock)

    def _approvers(self, workspace: str) -> int:
        from rekindle.workspace.access import Users, can  # with what hashes passwords, which no lane needs

        people = Users(self.database, self.clock).of(workspace)
        return sum(not one.disabled and can(one.roles[workspace], "publish") for one in people)

    def record(self, workspace: str, actor: str, action: str, detail: str) -> None:
        """Write what a person did to the ledger. Raises `LedgerUnavailable`, and then it must not be done.

        ``detail`` may be what they typed: personal values are cut out of it, because the ledger forgets nothing.
        """
        facts = {"detail": clean_note(detail)}
        self.ledger.append([LedgerLine("change", workspace, self.clock(), actor=actor, action=action, facts=facts)])

    def workspaces(self) -> Mapping[str, Workspace]:
        """Return the live workspaces by name; a version applied elsewhere is noticed within a second.

        The same mapping comes back until something changed, so that readers can tell by identity.
        """
        now = self.clock()
        if not self._live or now - self._looked_ms >= _LOOK_MS:
            pointers = self.versions.pointers()
            if pointers != self._pointers:
                self._live, self._pointers = self.versions.live(), pointers
            self._looked_ms = now
        return self._live

    def fenced(self, lease: Lease) -> Installation:
        """Return the same installation for the holder of a lease, on the same connections; close it before this one."""
        return Installation(self.settings, folder=self.folder, clock=self.clock, database=Fenced(self.database, lease))

    async def aclose(self) -> None:
        """Release everything, the log's writer too."""
        if "log" in self.__dict__:
            await self.log.close()
        self.close()

    def close(self) -> None:
        """Release the state database; for commands that did not open the log."""
        self.database.close()


def open_kafka(url: str, secrets: Secrets, clock: Clock) -> Log:
    """Open the log on Kafka; the password, where there is a user name, is the secret ``kafka.password``."""
    try:
        from rekindle.engines.log.kafka import KafkaLog, parse
    except ImportError:
        raise process_settings.SettingError(
            "log_url names Kafka, whose client is not installed; install rekindle[kafka]"
        ) from None
    target = parse(url)
    return KafkaLog(
        target, password=secrets.get("kafka.password") if "sasl.username" in target.client else None, clock=clock
    )


def open_s3(url: str, folder: Path, secrets: Secrets, clock: Clock) -> Blobs:
    """Open the blobs in S3, with copies in ``folder``; the key is the secrets ``s3.access_key_id`` and ``s3.secret_access_key``.

    Where they are not set, the client looks for credentials in the environment and asks the machine's role.
    """
    try:
        from rekindle.engines.blobs.s3 import S3Blobs, parse
    except ImportError:
        raise process_settings.SettingError(
            "blobs_url names S3, whose client is not installed; install rekindle[s3]"
        ) from None
    target = parse(url)
    try:
        key = (secrets.get("s3.access_key_id"), secrets.get("s3.secret_access_key"))
    except SecretMissing:
        return S3Blobs(target, folder, clock=clock)
    return S3Blobs(target, folder, credentials=key, clock=clock)


def create(settings: Settings) -> None:
    """Make the data folder with its master key and an empty state database. Harmless where they are there.

    The master key is wrapped where Vault is set. Raises `click.ClickException` when it cannot be, and
    when a newer release has written the state database or its keys were sealed with another master key.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        make_master_key(settings)
        installation = Installation(settings)
    except (KeyUnavailable, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    try:
        migrate(installation.database)
        installation.keyring.ensure()
    except (NewerDatabaseError, KeyUnusable) as error:
        raise click.ClickException(str(error)) from None
    finally:
        installation.close()


def open_installation(folder: Path, data: Path | None = None, settings: Settings | None = None) -> Installation:
    """Open the installation that a workspace folder belongs to, for a command. Raises `click.ClickException`."""
    try:
        installation = Installation(settings or settings_for(folder, data), folder=folder)
        migrate(installation.database)
    except (process_settings.SettingError, FileNotFoundError, NewerDatabaseError, KeyUnavailable) as error:
        raise click.ClickException(str(error)) from None
    return installation


def settings_for(folder: Path, data: Path | None = None, **overrides: object) -> Settings:
    """Return the process settings; the data folder is ``--data``, ``REKINDLE_DATA`` or ``data`` in the folder."""
    chosen = data or (None if "REKINDLE_DATA" in os.environ else folder / "data")
    for line in process_settings.misspelt():
        click.echo(f"warning: {line}", err=True)
    return process_settings.load({"data": None if chosen is None else str(chosen)} | overrides)


def one_workspace(installation: Installation, name: str | None) -> str:
    """Return the workspace that ``--for`` names, or the only one. Raises `click.ClickException`."""
    names = sorted(installation.workspaces())
    if name in names:
        return str(name)
    if name is None and len(names) == 1:
        return names[0]
    raise click.ClickException(f"name the workspace with --for; there are: {', '.join(names) or 'none (apply first)'}")
