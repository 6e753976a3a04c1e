"""Keep one lane running for each enabled destination of each live workspace."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import NamedTuple, cast

import structlog

from rekindle.cli._compose import Installation
from rekindle.egress.audience import AudienceModule
from rekindle.egress.audience_lane import AudienceChange, AudienceLane
from rekindle.egress.configured import Configured
from rekindle.egress.connector import ConnectorModule, Manifest, SettingsError
from rekindle.egress.credentials import accounts
from rekindle.egress.http import HttpTransport
from rekindle.egress.lane import Lane, consumer_name
from rekindle.egress.send import Door
from rekindle.engines.database.lease import Lease
from rekindle.model.discover import discover
from rekindle.model.ports import FeedIds
from rekindle.ops.loop import run_steps
from rekindle.workspace import Destination, Policy

_log = structlog.get_logger()
_LANES = "lane/"

_RENEW_MS = 5_000


class _Account(NamedTuple):
    """What a lane is made of; a change of any of it makes a new lane, which goes on at the same cursor."""

    workspace: str
    name: str
    destination: Destination
    policy: Policy


class _Running(NamedTuple):
    account: _Account
    task: asyncio.Task[None]
    stopping: asyncio.Event


class Lanes:
    """Starts, restarts and stops lanes as versions are applied; each runs on its own, so that none waits for another."""

    def __init__(self, installation: Installation, transport: HttpTransport, feed_ids: FeedIds, idle_s: float) -> None:
        self._installation = installation
        self._door = Door(transport, installation.ledger, installation.clock)
        self._credentials = installation.credentials(transport)
        self._renewed_ms = 0
        self._feed_ids = feed_ids
        self._idle_s = idle_s
        self._modules = discover("rekindle.destinations")
        self._running: dict[tuple[str, str], _Running] = {}
        self._fresh: set[tuple[str, str]] = set()
        """Lanes that have not done their first step yet."""
        self.stepped = asyncio.Event()
        """Set when each lane has done its first step, well or not: what waited for the process is on its way."""

    async def step(self) -> int:
        """Bring what runs in line with what is live; return how many lanes were started or stopped."""
        wanted = {
            (workspace.name, name): _Account(workspace.name, name, destination, workspace.policy)
            for workspace in self._installation.workspaces().values()
            for name, destination in workspace.destinations.items()
            if destination.enabled
        }
        changed = [key for key, running in self._running.items() if wanted.get(key) != running.account]
        await asyncio.gather(*(self._stop(key) for key in changed))
        fresh = [account for key, account in wanted.items() if key not in self._running]
        for account in fresh:
            self._start(account)
        if changed or fresh:
            await self._forget_removed()
        self._note_stepped()
        return len(changed) + len(fresh)

    async def renew(self) -> int:
        """Renew the access tokens that are due; return how many were asked for."""
        now = self._installation.clock()
        if now - self._renewed_ms < _RENEW_MS:
            return 0
        self._renewed_ms = now
        return await self._credentials.step(accounts(self._installation.workspaces().values(), self._manifest))

    def _manifest(self, account: Configured) -> Manifest | None:
        if not account.pushed:
            module = self._modules.get(account.connector)
            return None if module is None else cast(ConnectorModule, module).manifest
        # The room of feeds is opened only where there is one to push.
        from rekindle.feeds.push.platform import platform

        found = platform(account.connector)
        return None if found is None else found.manifest

    async def close(self) -> None:
        """Stop every lane; what was in progress is finished."""
        await asyncio.gather(*(self._stop(key) for key in list(self._running)))

    async def _forget_removed(self) -> None:
        """Give up the cursors of destinations that no live workspace has any more; a disabled one keeps its place.

        A cursor that nobody moves would keep the log from being trimmed for ever.
        """
        log = self._installation.log
        configured = {
            consumer_name(workspace.name, name)
            for workspace in self._installation.workspaces().values()
            for name in workspace.destinations
        }
        for entry in await log.lag():
            if entry.consumer.startswith(_LANES) and entry.consumer not in configured:
                await log.forget(entry.consumer)

    async def _stop(self, key: tuple[str, str]) -> None:
        running = self._running.pop(key)
        running.stopping.set()
        await running.task

    def _start(self, account: _Account) -> None:
        stopping = asyncio.Event()
        self._fresh.add((account.workspace, account.name))
        task = asyncio.create_task(self._run(account, stopping), name=f"lane/{account.workspace}/{account.name}")
        self._running[account.workspace, account.name] = _Running(account, task, stopping)

    async def _run(self, account: _Account, stopping: asyncio.Event) -> None:
        try:
            lane = self._lane(account)
        except (KeyError, SettingsError) as error:
            # `apply` checks this; a connector that was uninstalled since comes here. Nothing is lost: the log waits.
            self._note_stepped((account.workspace, account.name))
            why = self._modules.set_aside.get(account.destination.kind, "")
            _log.error(
                "lane cannot run", workspace=account.workspace, destination=account.name, connector=why, exc_info=error
            )
            await stopping.wait()
            return
        try:
            key = (account.workspace, account.name)

            async def step() -> int:
                try:
                    return await lane.step()
                finally:
                    self._note_stepped(key)

            name = f"lane/{account.workspace}/{account.name}"
            await run_steps({name: step}, idle_s=self._idle_s, stopping=stopping)
        finally:
            await lane.close()

    def _note_stepped(self, key: tuple[str, str] | None = None) -> None:
        self._fresh.discard(key or ("", ""))
        if not self._fresh:
            self.stepped.set()

    def _lane(self, account: _Account) -> Lane | AudienceLane:
        """Make the lane of an account, of events or of an audience. Raises `KeyError` and `SettingsError`."""
        installation, module = self._installation, self._modules[account.destination.kind]
        secret = partial(self._credentials.get, account.workspace)
        if module.manifest.kind == "audience":
            holder = f"{os.uname().nodename}/{os.getpid()}"
            name = f"audience/{account.workspace}/{account.name}"
            return AudienceLane(
                workspace=account.workspace,
                name=account.name,
                destination=account.destination,
                policy=account.policy,
                module=cast(AudienceModule, module),
                secret=secret,
                log=installation.log,
                database=installation.database,
                door=self._door,
                consents=installation.consents,
                vault=installation.vault,
                changes=partial(_changes, installation),
                lease=Lease(installation.database, installation.clock, name, holder, ttl_ms=60_000),
                clock=installation.clock,
                vendors=installation.vendors,
                names=installation.pseudonymiser,
            )
        return Lane(
            workspace=account.workspace,
            name=account.name,
            destination=account.destination,
            policy=account.policy,
            module=module,
            secret=secret,
            log=installation.log,
            database=installation.database,
            door=self._door,
            consents=installation.consents,
            vault=installation.vault,
            feed_ids=self._feed_ids,
            clock=installation.clock,
            vendors=installation.vendors,
        )


def _changes(installation: Installation, workspace: str, audience: str, limit: int, after: int) -> list[AudienceChange]:
    from rekindle.audiences.read import (
        changes,
    )  # its room takes a tenth of a start, and few installations have such a lane

    found = changes(installation.database, workspace, audience, limit, after)
    return [AudienceChange(change.id, change.subject, change.entered) for change in found]
