"""Run as a process: the harness's gateway on Granian, on a port of this machine."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rekindle.collect.server import serve_gateway
from rekindle.engines.database import open_database
from rekindle.engines.log import SqliteLog
from rekindle.model.clock import system_clock
from rekindle.model.web import Request, Response, Route
from tests.collect.harness import Street
from tests.scratch import fresh_state


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def told(_seconds: float) -> None:
    """Pass the time when the test says so, with a line."""
    await asyncio.to_thread(sys.stdin.readline)


async def main(folder: Path, port: int, drain: str, slowest_head_ms: int) -> None:
    database = open_database(fresh_state(folder / "state.db"))
    letters = folder / "letters"
    letters.write_bytes(b"abcdefghij")

    async def part(_request: Request) -> Response:
        return Response(206, {"content-length": "3"}, letters, (2, 5))

    async def parts(_request: Request) -> Response:
        return Response(200, {"content-length": "300000"}, iter([bytes([letter]) * 100_000 for letter in b"abc"]))

    routes = [Route(frozenset({"GET"}), "/part", part), Route(frozenset({"GET"}), "/parts", parts)]
    street = Street(folder, database, system_clock, routes=routes, log=SqliteLog(folder / "log.db"))
    await serve_gateway(
        street.gateway,
        "127.0.0.1",
        port,
        on_listening=lambda: say("listening"),
        slowest_head_ms=slowest_head_ms,
        sleep=told if drain == "told" else asyncio.sleep,
    )
    await street.log.close()
    database.close()
    say("ended")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
