"""Copy an installation while it runs, and put a copy back: log, state, blobs and sealed secrets, never the master key.

The copies of log and state are of one moment: while nobody may write to the state, a view of each is opened, and both
are then copied at leisure. What comes back is what a power cut at that moment would have left, which every process can
start from: consumers' cursors are in the log, and their effects are in the state before them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rekindle.engines.blobs import FolderBlobs
from rekindle.model.clock import Clock

MANIFEST = "backup.json"
_FORMAT = 1
_PAGES = 4_096
_WAIT_S = 30.0
_STATE, _LOG, _SECRETS, _BLOBS = "state.db", "log.db", "secrets.json", "blobs"
_KEPT = (_STATE, _LOG, _SECRETS, _BLOBS)


class BackupError(Exception):
    """A backup cannot be made, or cannot be put back; the message names place and remedy."""


class CopiedFile(msgspec.Struct, frozen=True):
    """One file: its place in the backup, size and SHA-256. The name of a blob is its hash."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. ``elsewhere`` names engines whose content is not in it (Kafka, PostgreSQL, S3)."""

    format: int
    made_ms: int
    release: str
    files: list[CopiedFile]
    elsewhere: list[str] = []


Progress = Callable[[str, int, int], None]
"""Told what is copied, how far it is, and of how much."""


def _quiet(_what: str, _done: int, _total: int) -> None: ...


def make(
    data: Path,
    target: Path,
    clock: Clock,
    release: str,
    *,
    elsewhere: Sequence[str] = (),
    blobs: bool = True,
    progress: Progress = _quiet,
) -> Manifest:
    """Copy the data folder ``data`` to the new folder ``target``; processes may go on meanwhile.

    Without ``blobs`` they are left out: what lies there then are copies of what another engine keeps.

    The manifest is written last: a folder without one is no backup. Raises `BackupError`, `OSError` and `sqlite3.Error`.
    """
    if not (data / _STATE).is_file() and not elsewhere:
        raise BackupError(f"{data}: there is no {_STATE}; name the data folder of an installation with --data")
    if target.exists() and any(target.iterdir()):
        raise BackupError(f"{target} is not empty; name a new folder, a backup is never written over another")
    if target.resolve().is_relative_to(data.resolve()):
        raise BackupError(f"{target} is in the data folder itself; name a folder on another disk")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Blobs before and after: what the state of the moment names was there before it, or is still there after it.
    copied = _copy_blobs(data, target, set(), progress) if blobs else set()
    with _moment(data) as views:
        if (data / _SECRETS).is_file():
            _copy(data / _SECRETS, target / _SECRETS)
        views.let_go()
        made = clock()
        for name, view in views.databases.items():
            _copy_database(name, view, target / name, progress)
    copied |= _copy_blobs(data, target, copied, progress) if blobs else set()
    files = [_described(target, name) for name in (_STATE, _LOG, _SECRETS) if (target / name).is_file()]
    files += [_described(target, name) for name in sorted(copied)]
    manifest = Manifest(format=_FORMAT, made_ms=made, release=release, files=files, elsewhere=list(elsewhere))
    _write(target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    _sync(target)
    return manifest


def _not_one(folder: Path) -> str:
    """Say that a folder is no backup, and which one in it may be meant: each is made in a folder of its own."""
    inside = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
    if inside:
        return f"{folder} is no backup itself; the newest in it is {folder / inside[-1]}"
    return f"{folder} has no {MANIFEST}: it is no backup, or the making of it did not end"


def verify(backup: Path, progress: Progress = _quiet) -> Manifest:
    """Read everything a backup holds and compare it with its manifest. Raises `BackupError` naming each damaged file."""
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BackupError(_not_one(backup)) from None
    except msgspec.MsgspecError as error:
        raise BackupError(f"{backup / MANIFEST} cannot be read ({error}); take another backup") from None
    if manifest.format != _FORMAT:
        raise BackupError(
            f"{backup} is of format {manifest.format}, this release reads {_FORMAT}; install {manifest.release}"
        )
    wrong = []
    for number, file in enumerate(manifest.files):
        progress("verify", number, len(manifest.files))
        if not _is_below(file.name):
            raise BackupError(f"{backup / MANIFEST} names {file.name!r}, which is no place in a backup")
        try:
            if _described(backup, file.name) != file:
                wrong.append(f"{file.name} was altered")
        except FileNotFoundError:
            wrong.append(f"{file.name} is missing")
    for name in (_STATE, _LOG):
        if (backup / name).is_file() and not wrong and (found := _unsound(backup / name)):
            wrong.append(f"{name} is damaged ({found})")
    if wrong:
        raise BackupError(f"{backup} is damaged; take another backup:\n  " + "\n  ".join(wrong))
    return manifest


def restore(backup: Path, data: Path, progress: Progress = _quiet) -> Manifest:
    """Put a verified backup into a data folder that holds nothing but perhaps the master key.

    Raises `BackupError` and `OSError`. What was begun is put aside under another name until it is whole.
    """
    manifest = verify(backup, progress)
    there = [name for name in _KEPT if (data / name).exists()]
    if there:
        raise BackupError(f"{data} holds {there[0]} already; name another folder, nothing is written over")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    begun = data / ".restoring"
    shutil.rmtree(begun, ignore_errors=True)
    for number, file in enumerate(manifest.files):
        progress("restore", number, len(manifest.files))
        (begun / file.name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _copy(backup / file.name, begun / file.name)
    # The state last: without it nothing starts.
    for name in (_BLOBS, _SECRETS, _LOG, _STATE):
        if (begun / name).exists():
            (begun / name).rename(data / name)
    shutil.rmtree(begun, ignore_errors=True)
    _sync(data)
    return manifest


def folder_name(made_ms: int) -> str:
    """Return a name for a backup of that moment, which sorts by time."""
    return f"rekindle-{datetime.fromtimestamp(made_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"


class _Views:
    """Views of the databases of one moment, and the lock under which they were opened."""

    def __init__(self, databases: dict[str, sqlite3.Connection], lock: sqlite3.Connection | None) -> None:
        self.databases = databases
        self._lock = lock

    def let_go(self) -> None:
        """Let others write again."""
        if self._lock is not None:
            self._lock.execute("ROLLBACK")


@contextmanager
def _moment(data: Path) -> Iterator[_Views]:
    with ExitStack() as stack:
        lock = None
        if (data / _STATE).is_file():
            lock = stack.enter_context(_opened(data / _STATE))
            lock.execute("BEGIN IMMEDIATE")
        found = {}
        for name in (_LOG, _STATE):
            if (data / name).is_file():
                view = found[name] = stack.enter_context(_opened(data / name))
                view.execute("BEGIN")
                view.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the view begins with the first reading
        yield _Views(found, lock)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_WAIT_S)) as connection:
        yield connection


def _copy_database(name: str, view: sqlite3.Connection, target: Path, progress: Progress) -> None:
    def told(_status: int, left: int, total: int) -> None:
        progress(name, total - left, total)

    target.touch(mode=0o600)
    with _opened(target) as copy:
        copy.execute("PRAGMA synchronous=FULL")
        view.backup(copy, pages=_PAGES, progress=told)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a companion that could be forgotten
    found = _unsound(target)
    if found:
        raise BackupError(f"{name} is damaged ({found}); the backup was not made, see docs/operations.md")


def _unsound(path: Path) -> str:
    """Return what SQLite finds wrong with a file, or nothing."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            return str(error)
    return "" if said == "ok" else str(said)


def _copy_blobs(data: Path, target: Path, done: set[str], progress: Progress) -> set[str]:
    """Copy the blobs that are not in ``done``; return their places. One that goes meanwhile is named by nobody any more."""
    found = [path for path in sorted((data / _BLOBS).glob("??/*")) if FolderBlobs.names(path.name)]
    copied = set()
    for number, path in enumerate(found):
        progress(_BLOBS, number, len(found))
        name = path.relative_to(data).as_posix()
        if name in done:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            _copy(path, target / name)
        except FileNotFoundError:
            continue
        copied.add(name)
    return copied


def _copy(source: Path, target: Path) -> None:
    with (
        source.open("rb") as given,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out,
    ):
        shutil.copyfileobj(given, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())


def _write(target: Path, content: bytes) -> None:
    part = target.with_suffix(".part")
    part.write_bytes(content)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def _sync(folder: Path) -> None:
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _described(folder: Path, name: str) -> CopiedFile:
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return CopiedFile(name, file.tell(), digest)


def _is_below(name: str) -> bool:
    parts = Path(name).parts
    return bool(parts) and parts[0] in _KEPT and ".." not in parts
