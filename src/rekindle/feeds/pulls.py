"""Who fetched which version, in memory first: the request of a reader writes nothing."""

from __future__ import annotations

from typing import Final

from rekindle.engines.database import Database
from rekindle.feeds import receipts
from rekindle.feeds.receipts import PULL, Receipt
from rekindle.feeds.versions import FeedVersion
from rekindle.model.clock import Clock

_MOST = 10_000
_DAY_MS = 24 * 3_600_000

# A family is what may be kept of a reader: no address, no version, nothing that tells one person from another.
_FAMILIES: Final = (
    ("google", "Google"), ("facebook", "Meta"), ("meta-external", "Meta"), ("pinterest", "Pinterest"),
    ("tiktok", "TikTok"), ("bytespider", "TikTok"), ("snapchat", "Snapchat"), ("criteo", "Criteo"),
    ("bing", "Microsoft"), ("msnbot", "Microsoft"), ("rtbhouse", "RTB House"), ("ceneo", "Ceneo"),
    ("skapiec", "Skąpiec"), ("oai-", "OpenAI"), ("gptbot", "OpenAI"), ("openai", "OpenAI"),
    ("curl/", "tool"), ("wget/", "tool"), ("python", "tool"), ("go-http-client", "tool"), ("mozilla/", "browser"),
)  # fmt: skip


def family(user_agent: str) -> str:
    """Return the family of a reader by its user agent: a platform's name, ``browser``, ``tool`` or ``other``."""
    text = user_agent.lower()
    return next((name for part, name in _FAMILIES if part in text), "other")


class Pulls:
    """Gathers who was sent a whole file; `step` writes each family once a day and version.

    What is gathered when the process dies is lost: the platform fetches again. At most ten thousand wait; more are not
    noted.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._waiting: dict[tuple[str, str, int, str, int], Receipt] = {}
        self._written: set[tuple[str, str, int, str, int]] = set()

    def saw(self, version: FeedVersion, size: int, digest: str, user_agent: str) -> None:
        """Note that a reader is sent all bytes of a version."""
        now, who = self._clock(), family(user_agent)
        key = (version.workspace, version.feed, version.version, who, now // _DAY_MS)
        if key in self._written or key in self._waiting or len(self._waiting) >= _MOST:
            return
        self._waiting[key] = Receipt(
            workspace=version.workspace, feed=version.feed, version=version.version, route=PULL, kind="url",
            status="fetched", at_ms=now, bytes=size, sha256=digest, detail=who,
        )  # fmt: skip

    async def step(self) -> int:
        """Write what has gathered; return how many receipts that were. What cannot be written stays."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return 0
        try:
            made = await self._database.run(
                lambda connection: sum(receipts.record_pull(connection, each) for each in waiting.values())
            )
        except BaseException:
            self._waiting = waiting | self._waiting
            raise
        if len(self._written) + len(waiting) > _MOST:
            self._written.clear()  # asked of the table again, which keeps them once all the same
        self._written.update(waiting)
        return made
