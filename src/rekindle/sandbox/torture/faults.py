"""What is broken, when, and for how long: all of it follows from the seed."""

from __future__ import annotations

from random import Random
from typing import Final, Literal

import msgspec

Role = str
"""A process under test: ``gateway``, ``worker``, ``scheduler``, ``platform``; in a cluster also ``gateway-2``, ``broker-1``…"""
Trouble = Literal["none", "pause", "refuse", "mute", "full"]

LONGEST_PAUSE_S: Final = 2.0
_STORE_PAUSE: Final = 2.5
"""Stores are paused so many times longer: a broker must be missed by the others, and replaced, before it comes back."""
_TROUBLES: Final[tuple[tuple[Trouble, int], ...]] = (("none", 5), ("pause", 3), ("refuse", 2), ("mute", 2), ("full", 2))


class Cast(msgspec.Struct, frozen=True):
    """Who can be killed, with weights, who can be paused, and which of these are stores that can be filled."""

    targets: tuple[tuple[tuple[Role, ...], int], ...]
    paused: tuple[Role, ...]
    stores: tuple[Role, ...] = ()


ONE_MACHINE: Final = Cast(
    targets=(
        (("gateway",), 6),
        (("worker",), 6),
        (("platform",), 2),
        (("scheduler",), 1),
        (("gateway", "worker"), 2),
        (("gateway", "worker", "scheduler", "platform"), 1),
    ),
    paused=("gateway", "worker", "platform"),
)
"""SQLite below one of each role; the gateway's own files are what is filled."""

CLUSTER: Final = Cast(
    targets=(
        (("broker-1",), 2),
        (("broker-2",), 2),
        (("broker-3",), 2),
        (("broker-1", "broker-2"), 1),
        (("database",), 3),
        (("gateway",), 2),
        (("gateway-2",), 2),
        (("worker",), 2),
        (("worker-2",), 2),
        (("platform",), 1),
        (("scheduler",), 1),
        (("worker", "broker-3"), 1),
        (("gateway", "gateway-2", "database"), 1),
        (("broker-1", "broker-2", "broker-3", "database"), 1),
    ),
    paused=("gateway", "worker", "platform", "broker-1", "broker-2", "broker-3"),
    stores=("broker-1", "broker-2", "broker-3"),
)
"""Two gateways, two workers and a scheduler on three Kafka brokers and PostgreSQL."""


class Cycle(msgspec.Struct, frozen=True):
    """One kill cycle: traffic for ``before_s``, then ``trouble`` begins, and in its midst ``kill`` dies by SIGKILL.

    ``pause`` stops ``victim`` with SIGSTOP; ``refuse`` resets every connection to the platform; ``mute`` lets requests
    through and resets the answers; ``full`` gives the victim's files no more room. All times are in seconds.
    """

    kill: tuple[Role, ...]
    before_s: float
    trouble: Trouble
    victim: Role
    hold_s: float
    down_s: float


def plan(seed: int, cycles: int, cast: Cast = ONE_MACHINE) -> list[Cycle]:
    """Return the same cycles for the same seed."""
    random = Random(seed)  # noqa: S311 - repeatable, and nothing secret
    return [_cycle(random, cast) for _ in range(cycles)]


def _cycle(random: Random, cast: Cast) -> Cycle:
    targets, weights = zip(*cast.targets, strict=True)
    troubles, chances = zip(*_TROUBLES, strict=True)
    kill = random.choices(targets, weights)[0]
    before_s = random.uniform(0.2, 1.2)
    trouble = random.choices(troubles, chances)[0]
    number = random.randrange(len(cast.paused))
    hold_s = random.uniform(0.2, LONGEST_PAUSE_S)
    victim = cast.paused[number]
    if trouble == "full":
        victim = cast.stores[number % len(cast.stores)] if cast.stores else "gateway"
    if trouble in ("pause", "full") and victim in cast.stores:
        hold_s *= _STORE_PAUSE
    return Cycle(kill, before_s, trouble, victim, hold_s, random.uniform(0.0, 0.4))
