"""Check the ledger: in place, or offline on an exported copy with nothing but the public key.

An export is a text file: every line of the ledger as it was hashed, in order, then an empty line, then the signed
checkpoint. Who keeps an older checkpoint elsewhere can also prove that nothing from before it was cut or rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.privacy import _merkle
from rekindle.privacy._tables import ledger_heads, ledger_lines
from rekindle.privacy.checkpoint import Checkpoint, CheckpointInvalid, verify
from rekindle.privacy.ledger import LedgerLine

_PAGE = 5_000
_decoder = msgspec.json.Decoder(LedgerLine)


class LedgerDamaged(Exception):
    """What is there is not what was recorded; the message names the place."""


class Verified(msgspec.Struct, frozen=True):
    """What was proved: so many lines, under this root, signed for this name."""

    origin: str
    size: int
    root: str


class Proof(msgspec.Struct, frozen=True):
    """That one line is in the signed tree: `_merkle.verify_inclusion` takes it with the checkpoint's root."""

    position: int
    size: int
    leaf: bytes
    path: list[bytes]


def export(database: Database, out: BinaryIO) -> int:
    """Write the ledger and its newest checkpoint to ``out``; return the number of lines."""
    with database.read() as connection:
        note = connection.scalar(sa.select(ledger_heads.c.checkpoint))
        count = 0
        for row in _rows(connection):
            out.write(row.leaf + b"\n")
            count += 1
    out.write(b"\n" + (note or "").encode())
    return count


def verify_export(copy: Iterable[bytes], key: Ed25519PublicKey, older: str | None = None) -> Verified:
    """Check an exported copy, read line by line. ``older`` is a checkpoint kept from before.

    Raises `LedgerDamaged` and `CheckpointInvalid`.
    """
    lines = iter(copy)
    kept = None if older is None else verify(older, key)
    tree = _merkle.Tree()
    passed = kept is None or kept.size == 0
    for raw in lines:
        leaf = raw.removesuffix(b"\n")
        if not leaf:
            break
        tree.append(leaf)
        passed = passed or _passes(tree, kept)
    note = b"".join(lines)
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise CheckpointInvalid("the checkpoint is not UTF-8") from None
    return _conclude(tree, verify(text, key), kept, passed=passed)


def verify_ledger(database: Database, key: Ed25519PublicKey, older: str | None = None) -> Verified:
    """Check the ledger in place: every line, its place, its hash, and the columns it is found by.

    Raises `LedgerDamaged` and `CheckpointInvalid`.
    """
    kept = None if older is None else verify(older, key)
    tree = _merkle.Tree()
    passed = kept is None or kept.size == 0
    with database.read() as connection:
        note = connection.scalar(sa.select(ledger_heads.c.checkpoint))
        for row in _rows(connection):
            if row.position != tree.size:
                raise LedgerDamaged(f"line {tree.size} is missing")
            if tree.append(row.leaf) != row.hash:
                raise LedgerDamaged(f"line {row.position} is not what was hashed")
            _agrees(row)
            passed = passed or _passes(tree, kept)
    if not note:
        if tree.size or kept is not None:
            raise LedgerDamaged("there is no checkpoint")
        return Verified("", 0, tree.root().hex())
    return _conclude(tree, verify(note, key), kept, passed=passed)


def prove(database: Database, position: int) -> Proof:
    """Return the inclusion proof of one line in the newest tree. Reads every hash. Raises `LookupError`."""
    with database.read() as connection:
        size = connection.scalar(sa.select(ledger_heads.c.size)) or 0
        if not 0 <= position < size:
            raise LookupError(f"the ledger has no line {position}")
        leaf = connection.scalar(sa.select(ledger_lines.c.leaf).where(ledger_lines.c.position == position))
        if leaf is None:
            raise LookupError(f"the ledger has no line {position}")

        def root(first: int, last: int) -> bytes:
            tree = _merkle.Tree()
            for row in _rows(connection, first, last):
                tree.add(row.hash)
            return tree.root()

        return Proof(position, size, leaf, _merkle.inclusion(position, size, root))


def _rows(connection: Connection, first: int = 0, last: int | None = None) -> Iterator[sa.Row[tuple[object, ...]]]:
    at = first
    while last is None or at < last:
        query = sa.select(ledger_lines).where(ledger_lines.c.position >= at).order_by(ledger_lines.c.position)
        if last is not None:
            query = query.where(ledger_lines.c.position < last)
        page = connection.execute(query.limit(_PAGE)).all()
        if not page:
            return
        yield from page
        at = page[-1].position + 1


def _passes(tree: _merkle.Tree, kept: Checkpoint | None) -> bool:
    if kept is None or tree.size != kept.size:
        return False
    if tree.root() != kept.root:
        raise LedgerDamaged(f"the first {kept.size} lines are not those of the older checkpoint")
    return True


def _agrees(row: sa.Row[tuple[object, ...]]) -> None:
    try:
        line = _decoder.decode(row.leaf)
    except msgspec.DecodeError:
        raise LedgerDamaged(f"line {row.position} is not readable") from None
    told = (line.workspace, line.kind, line.event_id, line.subject, line.at_ms)
    if told != (row.workspace, row.kind, row.event_id, row.subject, row.at_ms):
        raise LedgerDamaged(f"line {row.position} is filed under what it does not say")


def _conclude(tree: _merkle.Tree, signed: Checkpoint, kept: Checkpoint | None, *, passed: bool) -> Verified:
    if signed.size != tree.size:
        raise LedgerDamaged(f"{tree.size} lines are there, {signed.size} were signed")
    if signed.root != tree.root():
        raise LedgerDamaged("the lines do not lead to the signed root")
    if not passed and kept is not None:
        raise LedgerDamaged(f"the older checkpoint has {kept.size} lines, this ledger {tree.size}")
    return Verified(signed.origin, tree.size, tree.root().hex())
