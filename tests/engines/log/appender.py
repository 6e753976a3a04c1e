"""Run as a process: append numbered records, eight at a time, and print each one once it is acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rekindle.engines.log import Keyed, SqliteLog


async def main(path: str, name: str, count: str) -> None:
    log = SqliteLog(Path(path))
    numbers = iter(range(int(count)))

    async def lane() -> None:
        for number in numbers:
            text = f"{name}.{number}"
            await log.append([Keyed(name, text.encode())])
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    await asyncio.gather(*(lane() for _ in range(8)))
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
