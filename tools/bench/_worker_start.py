"""A whole installation with a backlog, its worker started as an operator starts it: how long until the first send."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from rekindle.cli import _compose
from rekindle.cli._compose import Installation
from rekindle.cli._documents import read_folder
from rekindle.egress.lane import consumer_name
from tools.bench._egress_world import PIXEL, TOKEN, Platform, platform, records

_SHOP: Final = """name = "shop"
title = "Shop"
origins = ["http://127.0.0.1:8000"]
country = "PL"
currency = "EUR"
language = "en"
"""
_META: Final = """kind = "meta"
[consent]
consent_mode = ["ad_storage", "ad_user_data"]
[settings]
pixel_id = "{pixel}"
api_base = "{base}"
access_token = {{ secret = "meta_token" }}
"""
_LONGEST_S: Final = 120.0


class Start(NamedTuple):
    """From starting ``rekindle serve worker`` until the platform has the first request, and what it cost the worker.

    ``core_s`` is how long its main thread was ready to run and had no core: on a quiet machine there is no such wait.
    """

    seconds: float
    processor_s: float
    core_s: float


def first_send(events: int, away: str) -> Start:
    """Fill a new installation with events, start its worker and return how long it took.

    ``away``: ``platform`` (the worker had followed the choices of all visitors) or ``worker`` (nobody had).
    """
    with tempfile.TemporaryDirectory() as name, platform() as there:
        folder = Path(name)
        asyncio.run(_prepare(folder, there, events, followed=away == "platform"))
        return _start(folder, there)


async def _prepare(folder: Path, there: Platform, events: int, *, followed: bool) -> None:
    for path, text in {"shop.toml": _SHOP, "destinations/meta.toml": _META}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text.format(pixel=PIXEL, base=there.base))
    settings = _compose.settings_for(folder)
    _compose.create(settings)
    installation = _compose.open_installation(folder, None, settings)
    installation.secrets.put("meta_token", TOKEN)
    installation.versions.apply(read_folder(folder), "benchmark", "a backlog")
    await _fill(installation, events, followed=followed)
    await installation.aclose()


async def _fill(installation: Installation, events: int, *, followed: bool) -> None:
    # The cursors exist, as after a worker's last life; who is not there yet would begin at the log's start all the same.
    for name in (consumer_name("shop", "meta"), "consents"):
        await (await installation.log.consumer(name)).close()
    for start in range(0, events, 1_000):
        count = min(1_000, events - start)
        made = records(installation.vault, count, start, max(1, events // 10))
        await installation.log.append([keyed for _, keyed in made])
    while followed and await installation.consents.step():
        pass


def _start(folder: Path, there: Platform) -> Start:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "REKINDLE_WORKER_PORT": str(port),
        "REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true",
        "REKINDLE_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "rekindle", "serve", "worker", "--workspace", str(folder)]
    began = time.time()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            first = there.first_s(_LONGEST_S)
            return Start(first - began, _used_s(process.pid), _waited_s(process.pid))
        except TimeoutError:
            process.kill()
            said = process.stderr.read().decode() if process.stderr else ""
            raise SystemExit(f"the worker sent nothing in {_LONGEST_S:.0f} s: {said[-2_000:]}") from None
        finally:
            process.terminate()


def _used_s(pid: int) -> float:
    """Return a process's processor time with all its threads (Linux, proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _waited_s(pid: int) -> float:
    """Return how long a process's main thread has waited for a core (Linux, ``schedstat``)."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
