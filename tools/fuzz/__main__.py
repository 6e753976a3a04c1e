"""Read generated and broken consent strings with our decoders and with the reference packages, and compare.

Fails when a right string is refused or read differently, when a broken one that we accept is read differently or
refused by the reference, or when our decoder raises anything. What we refuse is not asked: the reference accepts more, and
some broken headers make it run out of memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.fuzz.compare import ours, theirs
from tools.fuzz.generate import Maker

FOLDER = Path(__file__).parent
_PART = 500
_TOLD = 20


class Case(NamedTuple):
    """One string: ``kind`` ``t`` (TCF) or ``g`` (GPP); ``whole`` when it must be accepted."""

    kind: str
    text: str
    whole: bool


class Oracle:
    """The reference packages in one Node process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [node(), str(FOLDER / "oracle.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def ask(self, cases: list[Case]) -> list[dict[str, Any]]:
        """Return the answers, in order."""
        into, out = self._process.stdin, self._process.stdout
        if into is None or out is None:
            raise RuntimeError("the oracle has no pipes")
        into.write("".join(f"{case.kind}\t{case.text}\n" for case in cases))
        into.flush()
        return [json.loads(out.readline()) for _ in cases]

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=30)


def node() -> str:
    """Return the path of Node; raises `FileNotFoundError` when it, or the reference packages, are not there."""
    found = shutil.which("node")
    if found is None or not (FOLDER / "node_modules").is_dir():
        raise FileNotFoundError("the reference decoders need Node >= 20 and `npm ci` in tools/fuzz")
    return found


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield ``count`` strings: one right, three broken."""
    maker = Maker(seed)
    for number in range(count):
        kind = "t" if number % 8 < 4 else "g"
        text = maker.tcf() if kind == "t" else maker.gpp()
        if number % 4 == 0:
            yield Case(kind, text, whole=True)
        else:
            yield Case(kind, maker.broken(text), whole=False)


def read(case: Case) -> dict[str, Any] | str:
    """Return what our decoder reads; a text is the reason of its refusal, or ``raised`` with what it raised."""
    try:
        return ours(case.kind, case.text)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"raised {error!r}"


def fault(case: Case, own: dict[str, Any], answer: dict[str, Any]) -> tuple[str, str]:
    """Return how the two compare (a word to count) and, for a fault, what it is."""
    if "error" in answer:
        if case.kind == "t" and own["cmp_id"] < 2 and "cmpId" in answer["error"]:
            # The same verdict at another place: we read the reserved id, and the decision says `reserved-cmp`.
            return "reserved CMP, refused by the decision", ""
        return "accepted, and the reference refuses", answer["error"]
    other = theirs(case.kind, answer["facts"], own)
    if own == other:
        return "read equally", ""
    return "read differently", f"{json.dumps(own)} / {json.dumps(other)}"


def run(seed: int, count: int) -> tuple[Counter[str], list[tuple[Case, str]]]:
    """Compare ``count`` strings; return the counts and the first faults."""
    oracle, counts, faults = Oracle(), Counter[str](), list[tuple[Case, str]]()

    def note(case: Case, word: str, told: str) -> None:
        counts[f"{'right' if case.whole else 'broken'}: {word}"] += 1
        if told and len(faults) < _TOLD:
            faults.append((case, told))

    def compare(part: list[tuple[Case, dict[str, Any]]]) -> None:
        for (case, own), answer in zip(part, oracle.ask([case for case, _ in part]), strict=True):
            note(case, *fault(case, own, answer))

    try:
        part: list[tuple[Case, dict[str, Any]]] = []
        for case in cases(seed, count):
            own = read(case)
            if not isinstance(own, str):
                part.append((case, own))
            elif own.startswith("raised"):
                note(case, "raised", own)
            else:
                note(case, "refused", own if case.whole else "")
            if len(part) == _PART:
                compare(part)
                part = []
        compare(part)
    finally:
        oracle.close()
    return counts, faults


def main(arguments: list[str]) -> int:
    """Run and print; the exit status is 1 when there was a fault."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="strings [default: 1,000,000]")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    begin = time.monotonic()
    counts, faults = run(given.seed, given.count)
    for word, count in counts.most_common():
        print(f"{count:>10,}  {word}")
    print(f"{given.count:,} strings, seed {given.seed}, {time.monotonic() - begin:.0f} s")
    for case, told in faults:
        print(f"FAULT {'TCF' if case.kind == 't' else 'GPP'} {case.text[:400]}\n      {told[:1500]}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
