"""Find a Chromium: the one named by the environment, the one npm carries, or the machine's own."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

TOOLS = Path(__file__).parents[2] / "tools" / "browser"
OLDEST_NODE = (20, 11)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class NoNodeError(Exception):
    """Node is missing or too old: the browser tests cannot run here, and that is nobody's fault."""


class NoChromiumError(Exception):
    """Node is there and yet no Chromium could be had: a failure."""


class Chromium(NamedTuple):
    """How to start a browser: ``env`` is added to the process's environment."""

    executable: str
    env: dict[str, str]


def find() -> Chromium:
    """Return a Chromium to start. Raises `NoNodeError` (skip) or `NoChromiumError` (fail)."""
    named = os.environ.get("REKINDLE_CHROMIUM")
    if named:
        return Chromium(named, {})
    _require_node()
    trouble = "npm carries a Chromium for Linux on x86-64 only"
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        try:
            return _carried()
        except subprocess.CalledProcessError as error:
            trouble = (error.stderr or error.stdout or str(error)).strip()
    for name in _NAMES:
        if path := shutil.which(name):
            return Chromium(path, {})
    raise NoChromiumError(f"{trouble}; install a Chromium or set REKINDLE_CHROMIUM to one")


def install() -> None:
    """Run ``npm ci`` in tools/browser unless it has been run for this lock file. Raises `CalledProcessError`.

    The stamp is the Makefile's, so that neither undoes the other's work.
    """
    stamp = TOOLS / "node_modules" / ".ready"
    with (TOOLS / ".installing").open("w") as guard:  # parallel test processes share the folder
        fcntl.flock(guard, fcntl.LOCK_EX)
        wanted = max((TOOLS / name).stat().st_mtime for name in ("package.json", "package-lock.json"))
        if stamp.exists() and stamp.stat().st_mtime >= wanted:
            return
        _run("npm", "ci", "--no-audit", "--no-fund")
        stamp.touch()


def _carried() -> Chromium:
    install()
    found = json.loads(_run("node", "chromium.mjs"))
    return Chromium(found["executable"], found["env"])


def _require_node() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NoNodeError("Node is not installed; the browser tests need Node >= 20.11")
    version = _run("node", "--version").strip().removeprefix("v")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_NODE:
        raise NoNodeError(f"Node {version} is too old; the browser tests need Node >= 20.11")


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=TOOLS, check=True, capture_output=True, text=True, timeout=300).stdout
