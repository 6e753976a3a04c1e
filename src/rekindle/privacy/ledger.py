"""The ledger: an append-only Merkle log of every decision, send, publication and change by a person.

Hashing is RFC 6962's (section 2.1), checkpoints are C2SP's tlog-checkpoint, signed with Ed25519. One installation has
one tree; the row of its head is the lock that makes one sequencer of all processes. A line is canonical JSON (sorted
keys, no spaces) and holds codes, hashes and event ids, and a subject only by `Vault.link`, which nobody can follow after
the subject was erased. An action that cannot be recorded must not happen:
`Ledger.append` raises, and then nothing was recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.privacy import _merkle
from rekindle.privacy._tables import ledger_heads, ledger_lines
from rekindle.privacy.checkpoint import Checkpoint, sign
from rekindle.privacy.keys import Keyring
from rekindle.privacy.vault import VaultUnavailable

Kind = Literal["decision", "send", "change", "publication"]
_HEAD = 1
ORIGIN = "rekindle.local"
"""The name under which checkpoints are signed, where none is given."""


class LedgerUnavailable(Exception):
    """The line could not be recorded, so the action must not happen."""


class LedgerLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record. ``action`` says what was done, ``actor`` who did it (a user's name or a part of the system).

    ``facts`` are codes, numbers and hashes: whatever is written here stays for ever, so never personal data.
    """

    kind: Kind
    workspace: str
    at_ms: int
    actor: str = "system"
    action: str = ""
    event_id: str | None = None
    subject: str | None = None
    destination: str | None = None
    outcome: str = ""
    reason: str = ""
    facts: Mapping[str, Any] = msgspec.field(default_factory=dict)


class WrittenLine(msgspec.Struct, frozen=True):
    """A line with its place in the tree."""

    position: int
    line: LedgerLine


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(LedgerLine)


class Ledger:
    """Writes lines. Safe to call from several threads and processes at once; `append` blocks until durable."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        origin: str = ORIGIN,
        link: Callable[[str, str], str] | None = None,
    ) -> None:
        """``link`` (`Vault.link`) turns a line's subject into a name that dies with the subject's key."""
        self._database = database
        self._key = keyring.ledger_key()
        self._clock = clock
        self._origin = origin
        self._link = link
        self._turn = threading.Lock()

    def append(self, lines: Sequence[LedgerLine]) -> None:
        """Record all lines in one transaction, or none. Raises `LedgerUnavailable`."""
        if not lines:
            return
        try:
            if self._link is not None:
                lines = [self._linked(line) for line in lines]
            leaves = [_encoder.encode(line) for line in lines]
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            raise LedgerUnavailable(f"a line cannot be written as JSON: {type(error).__name__}") from None
        except (SQLAlchemyError, VaultUnavailable) as error:
            raise LedgerUnavailable(f"a line's subject could not be linked: {type(error).__name__}") from None
        try:
            with self._turn, self._database.begin() as connection:
                self._write(connection, lines, leaves)
        except SQLAlchemyError as error:
            # The driver's message quotes the statement with its values.
            raise LedgerUnavailable(f"the ledger could not be written: {type(error).__name__}") from None

    def _linked(self, line: LedgerLine) -> LedgerLine:
        if self._link is None or line.subject is None:
            return line
        link = self._link(line.workspace, line.subject)
        # An audience's job is named after the person it is about.
        event_id = None if line.event_id is None else line.event_id.replace(line.subject, link)
        return msgspec.structs.replace(line, subject=link, event_id=event_id)

    def _write(self, connection: Connection, lines: Sequence[LedgerLine], leaves: Sequence[bytes]) -> None:
        tree = self._locked(connection)
        rows = []
        for line, leaf in zip(lines, leaves, strict=True):
            position = tree.size
            digest = tree.append(leaf)
            rows.append(
                {
                    "position": position,
                    "workspace": line.workspace,
                    "kind": line.kind,
                    "event_id": line.event_id,
                    "subject": line.subject,
                    "at_ms": line.at_ms,
                    "leaf": leaf,
                    "hash": digest,
                }
            )
        connection.execute(sa.insert(ledger_lines), rows)
        connection.execute(
            sa.update(ledger_heads)
            .where(ledger_heads.c.id == _HEAD)
            .values(
                size=tree.size,
                peaks=b"".join(tree.peaks),
                checkpoint=sign(Checkpoint(self._origin, tree.size, tree.root()), self._key),
                signed_ms=self._clock(),
            )
        )

    def _locked(self, connection: Connection) -> _merkle.Tree:
        """Take the head's row, made if it is missing, and with it the turn among all processes."""
        statement = upsert(ledger_heads, self._database.dialect).values(
            id=_HEAD, workspace="", size=0, peaks=b"", checkpoint="", signed_ms=0
        )
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"size": ledger_heads.c.size}))
        head = connection.execute(sa.select(ledger_heads).where(ledger_heads.c.id == _HEAD)).one()
        return _merkle.Tree.restore(head.size, head.peaks)


def checkpoint(database: Database) -> str | None:
    """Return the newest signed checkpoint, or None while the ledger is empty."""
    with database.read() as connection:
        found = connection.scalar(sa.select(ledger_heads.c.checkpoint).where(ledger_heads.c.id == _HEAD))
    return found or None


def lines(
    database: Database,
    workspace: str,
    kind: Kind | None = None,
    event_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[WrittenLine]:
    """Return a workspace's lines, newest first; ``before`` is the position to page on from (exclusive)."""
    query = sa.select(ledger_lines.c.position, ledger_lines.c.leaf).where(ledger_lines.c.workspace == workspace)
    if kind is not None:
        query = query.where(ledger_lines.c.kind == kind)
    if event_id is not None:
        query = query.where(ledger_lines.c.event_id == event_id)
    if before is not None:
        query = query.where(ledger_lines.c.position < before)
    query = query.order_by(ledger_lines.c.position.desc()).limit(limit)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [WrittenLine(row.position, _decoder.decode(row.leaf)) for row in rows]


def lines_about(database: Database, workspace: str, links: Collection[str]) -> list[WrittenLine]:
    """Return the lines of one person, oldest first; ``links`` are the person's `Vault.links`."""
    wanted = sorted(links)
    found: list[WrittenLine] = []
    with database.read() as connection:
        for start in range(0, len(wanted), 500):
            query = sa.select(ledger_lines.c.position, ledger_lines.c.leaf).where(
                ledger_lines.c.workspace == workspace, ledger_lines.c.subject.in_(wanted[start : start + 500])
            )
            found += [WrittenLine(row.position, _decoder.decode(row.leaf)) for row in connection.execute(query)]
    return sorted(found, key=lambda line: line.position)
