"""The gateway's fuzz guided by coverage: atheris keeps the bodies that reach new code and changes them further.

``python -m tools.fuzz.guided --runs 200000``; says why and ends where atheris is not installed (``pip install --group
fuzz``; it has wheels for Linux on x86-64). Only Python is measured: msgspec's decoder is compiled, so what it refuses at
once teaches nothing, and the first bodies are good ones and slightly broken ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import count, islice
from pathlib import Path

SEEDS = 500


def main() -> None:
    parser = argparse.ArgumentParser("python -m tools.fuzz.guided", description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        sys.exit("fuzz: the run guided by coverage was skipped, because atheris is not installed")
    with atheris.instrument_imports(include=["rekindle.collect", "rekindle.model", "rekindle.privacy"]):
        from tools.fuzz.gateway import LONGEST, SENDERS, Target, bodies

    from rekindle.model.clock import system_clock

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seeds").mkdir()
        (folder / "state").mkdir()
        for number, body in enumerate(islice(bodies(SEEDS, options.seed, system_clock()), SEEDS)):
            (folder / "seeds" / str(number)).write_bytes(body)
        target, turns = Target(folder / "state"), count()

        def one(body: bytes) -> None:
            target.try_one(body, SENDERS[next(turns) % len(SENDERS)])

        flags = [f"-runs={options.runs}", f"-seed={options.seed}", f"-max_len={LONGEST}", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *flags, str(folder / "seeds")], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
