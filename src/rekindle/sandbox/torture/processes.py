"""The processes under test: started, killed, stopped and choked by their own process id."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_GRACE_S = 30.0
_LAST_WORDS_S = 2.0


class Process:
    """One server process; ``deaths`` are the statuses of ends that nobody here caused. One without room for its files may end."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.deaths: list[int] = []
        self._command, self._environment, self._log = list(command), dict(environment), log
        self._child: subprocess.Popen[bytes] | None = None
        self._out: IO[bytes] | None = None
        self._choked = False

    @property
    def running(self) -> bool:
        """Whether it is there; a process that ended by itself is counted."""
        status = None if self._child is None else self._child.poll()
        if status is not None:
            if not self._choked:
                self.deaths.append(status)
            self._forget()
        return self._child is not None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start it unless it runs."""
        if self.running:
            return
        self._out = self._log.open("ab")
        self._child = subprocess.Popen(
            self._command,
            env=os.environ | self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
        )

    def kill(self) -> None:
        """End it at once, as a power cut would end it for the kernel's page cache's sake: no handler runs."""
        if self.running and self._child is not None:
            self._child.kill()
            self._child.wait()
            self._forget()

    def pause(self) -> None:
        """Stop it where it is."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def choke(self, file_bytes: int | None) -> bool:
        """Let none of its files grow beyond a size (None: no limit); return whether this system can do that."""
        if not hasattr(resource, "prlimit") or not self.running or self._child is None:
            return False
        limit = resource.RLIM_INFINITY if file_bytes is None else file_bytes
        resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        self._choked = file_bytes is not None
        return True

    async def stop(self) -> bool:
        """Ask it to end, and return whether it did within 30 s; then it says where it is (to its log) and is killed."""
        if not self.running or self._child is None:
            return True
        self._child.terminate()
        try:
            await asyncio.to_thread(self._child.wait, _GRACE_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGABRT)
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._child.wait, _LAST_WORDS_S)
            self._child.kill()
            self._child.wait()
            self._forget()
            return False
        self._forget()
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self.running and self._child is not None:
            self._child.send_signal(number)

    def _forget(self) -> None:
        self._child = None
        self._choked = False
        if self._out is not None:
            self._out.close()
            self._out = None
