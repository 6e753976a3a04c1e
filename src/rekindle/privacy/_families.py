"""Where the vault's keys are kept: the trees' families in the state database, wrapped by the key-encryption key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Connection

from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.privacy import _tree
from rekindle.privacy._month import MonthTree
from rekindle.privacy._tables import vault_nodes, vault_revisions
from rekindle.privacy.keys import Keyring

_NONCE = 12


class VaultUnavailable(Exception):
    """The vault's keys cannot be read; nothing was sealed or opened."""


class Families:
    """Reads, plants and cuts the trees of every workspace and month (months since January 1970).

    Whoever cuts, or wraps anew, raises the workspace's revision in the same transaction: other processes look at it.
    """

    def __init__(self, database: Database, keyring: Keyring, random: Callable[[int], bytes]) -> None:
        self._database, self._keyring, self._random = database, keyring, random

    def revision(self, workspace: str) -> int:
        """Return the workspace's revision, 0 before the first cut."""
        with self._database.read() as connection:
            found = connection.scalar(
                sa.select(vault_revisions.c.revision).where(vault_revisions.c.workspace == workspace)
            )
        return found or 0

    def months(self, workspace: str) -> Sequence[int]:
        """Return the months whose keys are kept, in order."""
        with self._database.read() as connection:
            return sorted(_months(connection, workspace))

    def tree(self, workspace: str, month: int) -> MonthTree:
        """Return a month's tree; one without families is not planted yet. Raises `VaultUnavailable`."""
        with self._database.read() as connection:
            return self._grown(connection, workspace, month)

    def plant(self, workspace: str, month: int) -> MonthTree:
        """Return a month's tree, with a new root where there is none. Raises `VaultUnavailable`."""
        root = self._random(_tree.FAMILY)
        # Whoever writes first wins; everybody else reads that root.
        statement = upsert(vault_nodes, self._database.dialect).values(
            workspace=workspace, month=month, path="", wrapped=self._wrap(workspace, month, "", root)
        )
        with self._database.begin() as connection:
            if not _load(connection, workspace, month):
                connection.execute(statement.on_conflict_do_nothing())
            return self._grown(connection, workspace, month)

    def cut(self, workspace: str, subject: str) -> int:
        """Destroy a subject's newest leaf in every month; return how many months lost one."""
        with self._database.begin() as connection:
            self._bump(connection, workspace)  # first: it is the lock that orders two erasures
            count = sum(self._cut(connection, workspace, month, subject) for month in _months(connection, workspace))
        self._scrub()
        return count

    def drop(self, workspace: str, first_kept: int) -> int:
        """Destroy the trees of every month before one; return how many."""
        old = sa.and_(vault_nodes.c.workspace == workspace, vault_nodes.c.month < first_kept)
        with self._database.begin() as connection:
            self._bump(connection, workspace)
            gone = [month for month in _months(connection, workspace) if month < first_kept]
            connection.execute(sa.delete(vault_nodes).where(old))
        self._scrub()
        return len(gone)

    def rewrap(self, workspace: str) -> int:
        """Wrap every family with the newest key-encryption key; return how many."""
        with self._database.begin() as connection:
            self._bump(connection, workspace)
            rows = connection.execute(sa.select(vault_nodes).where(vault_nodes.c.workspace == workspace)).all()
            for row in rows:
                family = self._unwrap(workspace, row.month, row.path, row.wrapped)
                connection.execute(
                    sa.update(vault_nodes)
                    .where(_node(workspace, row.month, row.path))
                    .values(wrapped=self._wrap(workspace, row.month, row.path, family))
                )
        self._scrub()
        return len(rows)

    def _grown(self, connection: Connection, workspace: str, month: int) -> MonthTree:
        return MonthTree(_load(connection, workspace, month), partial(self._unwrap, workspace, month))

    def _cut(self, connection: Connection, workspace: str, month: int, subject: str) -> int:
        families = _load(connection, workspace, month)
        for generation in range(256):
            path = _tree.leaf_path(subject, generation)
            place = _tree.covering(families, path)
            family = self._unwrap(workspace, month, place, families[place])
            if _tree.leaf(place, family, path) is None:
                continue
            rows = [
                {
                    "workspace": workspace,
                    "month": month,
                    "path": kept,
                    "wrapped": self._wrap(workspace, month, kept, nodes),
                }
                for kept, nodes in _tree.without(place, family, path).items()
            ]
            connection.execute(sa.delete(vault_nodes).where(_node(workspace, month, place)))
            connection.execute(sa.insert(vault_nodes), rows)
            return 1
        return 0

    def _wrap(self, workspace: str, month: int, path: str, family: bytes) -> bytes:
        epoch = self._keyring.newest_vault_epoch()
        nonce = self._random(_NONCE)
        cipher = AESGCM(self._keyring.vault_key(epoch))
        return epoch.to_bytes(2) + nonce + cipher.encrypt(nonce, family, _node_name(workspace, month, path))

    def _unwrap(self, workspace: str, month: int, path: str, wrapped: bytes) -> bytes:
        cipher = AESGCM(self._keyring.vault_key(int.from_bytes(wrapped[:2])))
        start = 2 + _NONCE
        try:
            family = cipher.decrypt(wrapped[2:start], wrapped[start:], _node_name(workspace, month, path))
        except InvalidTag:
            raise VaultUnavailable(
                f"the vault's keys of workspace {workspace!r} were wrapped with another key-encryption key"
            ) from None
        if len(family) != _tree.FAMILY:
            raise VaultUnavailable(f"the vault's keys of workspace {workspace!r} have another form than this version's")
        return family

    def _bump(self, connection: Connection, workspace: str) -> None:
        statement = upsert(vault_revisions, self._database.dialect).values(workspace=workspace, revision=1)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["workspace"], set_={"revision": vault_revisions.c.revision + 1}
            )
        )

    def _scrub(self) -> None:
        """Empty SQLite's write-ahead log, which still holds the pages as they were before the cut."""
        if self._database.dialect == "sqlite":
            with self._database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _months(connection: Connection, workspace: str) -> Sequence[int]:
    return connection.scalars(
        sa.select(vault_nodes.c.month).where(vault_nodes.c.workspace == workspace).distinct()
    ).all()


def _load(connection: Connection, workspace: str, month: int) -> dict[str, bytes]:
    rows = connection.execute(
        sa.select(vault_nodes.c.path, vault_nodes.c.wrapped).where(
            vault_nodes.c.workspace == workspace, vault_nodes.c.month == month
        )
    )
    families = {row.path: row.wrapped for row in rows}
    if families and "" not in families:
        raise VaultUnavailable(f"the vault's keys of workspace {workspace!r} are not whole; restore the database")
    return families


def _node(workspace: str, month: int, path: str) -> sa.ColumnElement[bool]:
    return sa.and_(vault_nodes.c.workspace == workspace, vault_nodes.c.month == month, vault_nodes.c.path == path)


def _node_name(workspace: str, month: int, path: str) -> bytes:
    return f"rekindle/vault\x1f{workspace}\x1f{month}\x1f{path}".encode()
