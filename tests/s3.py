"""An S3 server of the tests' own, a process by itself."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

KEY = ("an-access-key", "its-secret")
_buckets = itertools.count()


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Run it; yield its address."""
    program = (
        "from moto.server import ThreadedMotoServer; server = ThreadedMotoServer('127.0.0.1', 0, verbose=False); server.start();"
        "print(server.get_host_and_port()[1], flush=True); input()"
    )
    with (
        (folder / "out").open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as server,
    ):
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()


def new_bucket(server: str) -> str:
    """Make a bucket that nobody has used; return its name."""
    name = f"bucket-{next(_buckets)}"
    urlopen(Request(f"{server}/{name}", method="PUT"), timeout=120).close()
    return name
