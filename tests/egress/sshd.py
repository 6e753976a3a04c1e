"""OpenSSH's own server on the loopback, run as whoever runs the tests, with keys of its own."""

from __future__ import annotations

import getpass
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh

from rekindle.cli._demo.ports import choose

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


class Sshd:
    """A server whose only account is ours, by one key. ``largest`` bounds files, as a disk that is full does."""

    def __init__(self, folder: Path, *, largest: int | None = None, sftp: str = "internal-sftp") -> None:
        assert SSHD is not None
        self.folder = folder
        folder.mkdir(mode=0o700)
        host, client = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
        host.write_private_key(str(folder / "host"))
        (folder / "host").chmod(0o600)
        client.write_public_key(str(folder / "authorized"))
        (folder / "authorized").chmod(0o600)
        self.fingerprint = host.get_fingerprint()
        self.public_key = host.export_public_key().decode()
        self.private_key = client.export_private_key().decode()
        self.user = getpass.getuser()
        self.port = choose(0)
        self.files = folder / "files"
        self.files.mkdir()
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nSubsystem sftp {sftp} -d {self.files}\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where root's server separates its privileges
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(folder / "config")],
            stderr=self._log,
            preexec_fn=_bounded(largest) if largest is not None else None,
        )
        while True:
            assert self._process.poll() is None, (folder / "log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()


def _bounded(largest: int) -> Callable[[], None]:
    def bound() -> None:
        # A write beyond it is an error and no signal that ends the server.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return bound
