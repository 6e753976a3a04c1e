"""Whether a sick platform slows the others: blocks of each kind, interleaved, and an interval for the ratio of their p99.

An open loop: events come at their times however slow the lanes are, and wait from the time they were to come. In each
round every kind has its block, in an order drawn anew, so that a machine that is busy for a while favours none. Two
ratios are told: of the p99 of all waits of a kind together, which one bad moment of the machine decides, and of the
median of the blocks' p99, which it does not. Their intervals come from drawing rounds with replacement.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rekindle.ops.loop import run_steps
from tools.bench._egress_world import Shop, platform

_DEAD: Final = "http://127.0.0.1:9"
_RATE: Final = 100
"""Events a second, each to all three platforms."""
_TICK_S: Final = 0.1
_DRAWS: Final = 400
_SEED: Final = 7
Measure = Callable[[Sequence[list[float]]], float]


async def _waits(bases: Sequence[str], seconds: float) -> list[float]:
    """Run lanes to all addresses; return how long each event waited for its answer at all but the last, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        lanes = [shop.lane(f"meta{number}", base) for number, base in enumerate(bases)]
        stopping = asyncio.Event()
        tasks = [
            asyncio.create_task(run_steps({lane.name: lane.step}, idle_s=0.05, stopping=stopping)) for lane in lanes
        ]
        await asyncio.sleep(1)
        due = time.perf_counter()
        until = due + seconds
        while due < until:
            due += _TICK_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await shop.happen(round(_RATE * _TICK_S), 200, due)
        await asyncio.sleep(1)
        others = {base.split("/")[2] for base in bases[:-1]}
        waits = [one * 1000 for host, found in shop.transport.waits.items() if host in others for one in found]
        stopping.set()
        await asyncio.gather(*tasks)
        for lane in lanes:
            await lane.close()
        await shop.close()
    return waits


def isolation(blocks: int, seconds: float) -> None:
    """Print the p99 from an event's time to its answer at two platforms, beside a third that is well, dead, or late."""
    drawn = random.Random(_SEED)
    found: dict[str, list[list[float]]] = {"well": [], "dead": [], "5 s late": []}
    with ExitStack() as stack:
        good = [stack.enter_context(platform()).base for _ in range(3)]
        kinds = {"well": good[2], "dead": _DEAD, "5 s late": stack.enter_context(platform(5)).base}
        for _ in range(blocks):
            for name in drawn.sample(sorted(kinds), len(kinds)):
                found[name].append(asyncio.run(_waits([*good[:2], kinds[name]], seconds)))
    print(
        f"p99 from an event's time to its answer at two platforms, {_RATE} events/s each, {blocks} blocks of {seconds:g} s,"
    )
    print("beside a third that is")
    for name, each in found.items():
        pooled = [one for block in each for one in block]
        print(f"  {name}: all together {_p99(each):,.0f} ms, median block {_typical(each):,.0f} ms;", end=" ")
        print(f"median of all {statistics.median(pooled):,.0f} ms; {len(pooled):,} answers")
        if name == "well":
            continue
        for words, measure in (("all together", _p99), ("median block", _typical)):
            low, high = interval(each, found["well"], measure, drawn)
            ratio = measure(each) / measure(found["well"])
            print(f"    ratio, {words}: {ratio:.2f} (90 %: {low:.2f}–{high:.2f})")


def interval(
    sick: Sequence[list[float]], well: Sequence[list[float]], measure: Measure, drawn: random.Random
) -> tuple[float, float]:
    """Return a 90 % interval of the ratio of a measure, from rounds drawn with replacement (both kinds together)."""
    ratios = []
    for _ in range(_DRAWS):
        rounds = drawn.choices(range(len(well)), k=len(well))
        ratios.append(measure([sick[one] for one in rounds]) / measure([well[one] for one in rounds]))
    cuts = statistics.quantiles(ratios, n=20)
    return cuts[0], cuts[-1]


def _typical(blocks: Sequence[list[float]]) -> float:
    return statistics.median(_p99([block]) for block in blocks)


def _p99(blocks: Sequence[list[float]]) -> float:
    pooled = sorted(one for block in blocks for one in block)
    return pooled[min(len(pooled) - 1, int(len(pooled) * 0.99))]
