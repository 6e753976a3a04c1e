"""Where the tests' files are, and state databases that are ready to be used."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from pathlib import Path

from rekindle.engines.database import metadata, open_database
from rekindle.engines.database.migrate import migrate

# SQLite waits for the disk at every commit, and no test is about the disk: where memory has room, files are there.
_MEMORY = Path("/dev/shm")
_ROOM = 6 << 30


def use_memory() -> None:
    """Let pytest, this process and those it starts put their files into memory, if it has room for them."""
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    if shutil.disk_usage(_MEMORY).free < _ROOM:
        return
    root = _MEMORY / f"rekindle-tests-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    own = root / str(os.getpid())
    for old in root.iterdir():
        if old.name.isdigit() and not Path("/proc", old.name).exists():
            shutil.rmtree(old, ignore_errors=True)  # of a run that was killed
    own.mkdir(exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(root)  # pytest's own, of which it keeps what failed
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)


def leave_memory() -> None:
    """Remove what nobody else will. Only the process that made the folder does."""
    own = Path(tempfile.gettempdir())
    if own.name == str(os.getpid()) and own.parent.parent == _MEMORY:
        shutil.rmtree(own, ignore_errors=True)


def fresh_state(path: Path) -> Path:
    """Lay an empty SQLite state database with every declared table at ``path``, unless there is one; return ``path``."""
    if not path.exists():
        path.write_bytes(_declared(frozenset(metadata.tables)))
    return path


def migrated_state(path: Path) -> Path:
    """Lay an empty SQLite state database as an installation has it at ``path``; return ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(_migrated())
    return path


@functools.cache
def _declared(_tables: frozenset[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_database(Path(folder) / "state.db")
        opened.create_all()
        opened.close()
        return (Path(folder) / "state.db").read_bytes()


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_database(Path(folder) / "state.db")
        migrate(opened)
        opened.close()
        return (Path(folder) / "state.db").read_bytes()
