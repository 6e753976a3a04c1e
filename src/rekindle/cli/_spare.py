"""Follows everybody's newest consent while no worker does, so that a worker that comes back may send at once."""

from __future__ import annotations

from typing import Final

from rekindle.cli._compose import Installation
from rekindle.privacy.consents import ConsentView

_NAME: Final = "consents"
_LOOK_MS: Final = 5_000
_BEHIND: Final = 20_000
"""A worker that is there is never this far behind for long; who reads so many records needs about 0.1 s."""


class SpareReader:
    """The scheduler's. Any process may follow (`ConsentView`): all of them write the same rows."""

    def __init__(self, installation: Installation, behind: int = _BEHIND) -> None:
        self._installation = installation
        self._behind = behind
        self._looked_ms = 0

    async def step(self) -> int:
        """Where the view is far behind, read to the log's end and write it down; return how many records were read."""
        installation, now = self._installation, self._installation.clock()
        if 0 <= now - self._looked_ms < _LOOK_MS:
            return 0
        self._looked_ms = now
        lag = sum(one.records for one in await installation.log.lag() if one.consumer == _NAME)
        if lag < self._behind:
            return 0
        view = ConsentView(
            installation.log, installation.database, names=installation.pseudonymiser, clock=installation.clock
        )
        done = 0
        try:
            while found := await view.step():
                done += found
        finally:
            await view.close()
        return done
