"""How an account stands with its platform: configured with its newest secrets, and in a state that outlives the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeVar

import msgspec
import structlog

from rekindle.egress import _pace
from rekindle.egress._prepare import fingerprint
from rekindle.egress._store import LaneState, Store
from rekindle.egress.connector import SettingsError
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import Clock

_LOOK_AT_SECRETS_MS: Final = 30_000
_SUCCESS_MS: Final = 5_000
"""A success this little newer than the one in the database is remembered here only: it would cost a commit a request."""

_log = structlog.get_logger("lane")

C = TypeVar("C")


def consumer_name(workspace: str, destination: str) -> str:
    """Return the name of a lane's cursor in the log."""
    return f"lane/{workspace}/{destination}"


class Standing(Generic[C]):
    """What every lane knows of its account. ``connector`` is None while its settings or secrets cannot be used.

    ``release(now)`` makes everything that waits due; it is called when an account works again. Changes between
    running, ``open`` and ``held`` are told in the process's log.
    """

    def __init__(
        self,
        workspace: str,
        name: str,
        *,
        store: Store,
        secret_names: Mapping[str, str],
        secret: Callable[[str], str],
        configure: Callable[[Mapping[str, str]], C],
        release: Callable[[int], Awaitable[None]],
        clock: Clock,
    ) -> None:
        """``secret_names`` maps the connector's secrets to those of ``secret``, which returns the newest value."""
        self.connector: C | None = None
        self.fingerprint = ""
        self._store = store
        self._secret_names = secret_names
        self._secret = secret
        self._configure = configure
        self._release = release
        self._clock = clock
        self._state: LaneState | None = None
        self._saved: LaneState | None = None
        self._looked_ms = -_LOOK_AT_SECRETS_MS
        self._log = _log.bind(workspace=workspace, destination=name)

    async def state(self) -> LaneState:
        """Return how the account is; the database is asked once."""
        if self._state is None:
            self._state = self._saved = await self._store.state()
        return self._state

    async def keep(self, state: LaneState) -> None:
        """Change the state, durably; an account that works again releases what waited for it."""
        before = await self.state()
        if state == before:
            return
        saved = self._saved
        if saved is None or not _only_succeeded(saved, state):
            await self._store.save(state)
            self._saved = state
        self._state = state
        self._tell(before, state)
        if before.state in ("open", "held") and state.state == "running":
            await self._release(self._clock())

    def forget(self) -> None:
        """Forget the state: from now on another worker may change it."""
        self._state = self._saved = None

    async def look(self, now: int) -> LaneState:
        """Configure the account, again when a secret changed: then a held one tries at once. A wait that is over, ends."""
        state = await self.state()
        if self._time_to_look(state, now):
            self._looked_ms = now
            state = await self._configured(state, now)
        if state.state == "throttled" and now >= state.next_ms:
            await self.keep(msgspec.structs.replace(state, state="running", since_ms=now, next_ms=0))
        return await self.state()

    def _time_to_look(self, state: LaneState, now: int) -> bool:
        return now - self._looked_ms >= _LOOK_AT_SECRETS_MS or (self.connector is None and now >= state.next_ms)

    async def _configured(self, state: LaneState, now: int) -> LaneState:
        try:
            values = await asyncio.to_thread(self._secrets)
            mark = fingerprint(values)
            if self.connector is None or mark != self.fingerprint:
                self.connector = self._configure(values)
                self.fingerprint = mark
        except (SettingsError, SecretMissing) as error:
            self.connector = None
            await self.keep(_pace.held(state, now, str(error), state.fingerprint))
            return await self.state()
        if state.state == "held" and state.fingerprint != mark:
            # No longer held for what was wrong with the old secret: whatever comes now is told of the new one.
            await self.keep(_pace.retried(state, now, "a new secret is being tried", mark))
        return await self.state()

    def _secrets(self) -> Mapping[str, str]:
        return {key: self._secret(name) for key, name in self._secret_names.items()}

    def _tell(self, before: LaneState, state: LaneState) -> None:
        # A platform's words can quote what it was sent: they are in the console, masked, and not here.
        if state.state == before.state:
            return
        if state.state == "held":
            remedy = "renew the account's secret (rekindle secrets set); nothing is lost, and it goes on by itself"
            self._log.warning("lane held", remedy=remedy)
        elif state.state == "open":
            self._log.warning("lane open", after=before.state)
        elif before.state in ("open", "held"):
            self._log.warning("lane released", after=before.state, seconds=(state.since_ms - before.since_ms) // 1000)


def _only_succeeded(saved: LaneState, state: LaneState) -> bool:
    newer = state.succeeded_ms - saved.succeeded_ms
    return 0 <= newer < _SUCCESS_MS and msgspec.structs.replace(saved, succeeded_ms=state.succeeded_ms) == state
