"""A process of its own with some workers that want one token: ``python -m tests.cluster.refreshing DATABASE ADDRESS COUNT``.

It says that it is ready, waits for a line, and prints the token that each worker came to.
"""

from __future__ import annotations

import asyncio
import os
import sys

from rekindle.egress.connector import OAuth
from rekindle.egress.credentials import Account, Credentials
from rekindle.egress.http import HttpTransport
from rekindle.engines.database import open_database
from rekindle.engines.secrets import SecretMissing
from rekindle.model.clock import system_clock

KEY = b"k" * 32


def account(address: str) -> Account:
    """The token that all want."""
    seeds = {"client_id": "id", "client_secret": "secret", "refresh_token": "refresh"}
    return Account("shop", "oauth:refresh", OAuth(url=address), seeds, ("list",))


async def token(worker: Credentials, wanted: Account) -> str:
    """Do as a worker does until there is one."""
    while True:
        await worker.step([wanted])
        try:
            return worker.get(wanted.workspace, wanted.name)
        except SecretMissing:
            await asyncio.sleep(0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(database: str, address: str, count: int) -> None:
    opened = open_database(database)
    async with HttpTransport(allow_private=True) as transport:
        workers = [
            Credentials(opened, str.upper, KEY, transport, system_clock, f"{os.getpid()}/{number}", lambda: 0.5)
            for number in range(count)
        ]
        _say("ready")
        sys.stdin.readline()
        for found in await asyncio.gather(*(token(worker, account(address)) for worker in workers)):
            _say(found)
    opened.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
