"""`rekindle simulate` against `rekindle serve`, both as a person runs them: what it says was sent is what is counted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import pytest

from rekindle.cli import _compose
from rekindle.cli._demo.ports import free
from rekindle.profiles import totals
from rekindle.sandbox.shop import CATALOG

pytestmark = pytest.mark.xdist_group("street")

ORIGIN = "http://127.0.0.1:8000"
ROLES = ("gateway", "console", "worker", "scheduler")


class Told(msgspec.Struct):
    """What `rekindle simulate` prints."""

    sent: int
    acknowledged: dict[str, int]
    unanswered: dict[str, int]
    uncertain: int
    statuses: dict[str, int]


def rekindle(*arguments: str, typed: str = "", **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rekindle", *arguments],
        input=typed, capture_output=True, text=True, env=os.environ | environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """A shop that is served: its folder, the gateway's address, an API key."""
    folder = tmp_path / "shop"
    said = rekindle("init", str(folder), "--name", "shop", "--catalog", str(CATALOG))
    found = re.search(r"API key.*: (\S+)", said)
    assert found is not None
    rekindle("apply", "--workspace", str(folder), typed="y\n")
    ports = {f"REKINDLE_{role.upper()}_PORT": str(port) for role, port in zip(ROLES, free(len(ROLES)), strict=True)}
    url = f"http://127.0.0.1:{ports['REKINDLE_GATEWAY_PORT']}"
    command = [sys.executable, "-m", "rekindle", "serve", "--workspace", str(folder)]
    with (
        (tmp_path / "serve.log").open("wb") as out,
        subprocess.Popen(command, env=os.environ | ports, stdout=out, stderr=out) as tree,
    ):
        while not ready(url):
            assert tree.poll() is None, (tmp_path / "serve.log").read_text()
            time.sleep(0.1)
        yield folder, url, found.group(1)
        tree.terminate()
        assert tree.wait(60) == 0, (tmp_path / "serve.log").read_text()


def ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_what_shoppers_sent_is_what_is_counted(served: tuple[Path, str, str]) -> None:
    folder, url, key = served
    arguments = [
        "simulate",
        "--target",
        url,
        "--origin",
        ORIGIN,
        "--rate",
        "20",
        "--seconds",
        "300",
        "--most-visits",
        "50",
        "--pause",
        "0.2",
    ]
    said = rekindle(*arguments, "--blockers", "0.1", "--seed", "7", REKINDLE_API_KEY=key)
    told = msgspec.json.decode(said, type=Told)
    assert told.sent > 50
    assert told.uncertain == 0
    assert not told.unanswered
    assert set(told.statuses) <= {"200", "204"}
    installation = _compose.open_installation(folder)
    try:
        # The worker follows: what was acknowledged is in the log, and counted a moment later.
        while (counted := totals(installation.database, "shop", 0)).received < told.sent:
            time.sleep(0.2)
    finally:
        installation.close()
    expected = {name: number for name, number in told.acknowledged.items() if number}
    assert counted.received == told.sent == sum(expected.values())
    assert sum(counted.accepted.values()) == expected.pop("accepted/ok")
    refused = {f"filtered/{reason}": number for reason, number in counted.filtered.items()}
    refused |= {f"invalid/{reason}": number for reason, number in counted.invalid.items()}
    assert {name: number for name, number in refused.items() if number} == expected
