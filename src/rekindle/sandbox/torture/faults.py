"""What is broken, when, and for how long: all of it follows from the seed."""

from __future__ import annotations

from random import Random
from typing import Final, Literal

import msgspec

Role = Literal["gateway", "worker", "scheduler", "platform"]
Trouble = Literal["none", "pause", "refuse", "mute", "full"]

_TARGETS: Final[tuple[tuple[tuple[Role, ...], int], ...]] = (
    (("gateway",), 6),
    (("worker",), 6),
    (("platform",), 2),
    (("scheduler",), 1),
    (("gateway", "worker"), 2),
    (("gateway", "worker", "scheduler", "platform"), 1),
)
_TROUBLES: Final[tuple[tuple[Trouble, int], ...]] = (("none", 5), ("pause", 3), ("refuse", 2), ("mute", 2), ("full", 2))
LONGEST_PAUSE_S: Final = 2.0


class Cycle(msgspec.Struct, frozen=True):
    """One kill cycle: traffic for ``before_s``, then ``trouble`` begins, and in its midst ``kill`` dies by SIGKILL.

    ``pause`` stops ``victim`` with SIGSTOP; ``refuse`` resets every connection to the platform; ``mute`` lets requests
    through and resets the answers; ``full`` gives the gateway's files no more room. All times are in seconds.
    """

    kill: tuple[Role, ...]
    before_s: float
    trouble: Trouble
    victim: Role
    hold_s: float
    down_s: float


def plan(seed: int, cycles: int) -> list[Cycle]:
    """Return the same cycles for the same seed."""
    random = Random(seed)  # noqa: S311 - repeatable, and nothing secret
    targets, weights = zip(*_TARGETS, strict=True)
    troubles, chances = zip(*_TROUBLES, strict=True)
    victims: tuple[Role, ...] = ("gateway", "worker", "platform")
    return [
        Cycle(
            kill=random.choices(targets, weights)[0],
            before_s=random.uniform(0.2, 1.2),
            trouble=random.choices(troubles, chances)[0],
            victim=random.choice(victims),
            hold_s=random.uniform(0.2, LONGEST_PAUSE_S),
            down_s=random.uniform(0.0, 0.4),
        )
        for _ in range(cycles)
    ]
