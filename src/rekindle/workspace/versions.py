"""Immutable versions of a workspace, and the pointer to the live one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
import sqlalchemy as sa

from rekindle.engines.database import Database, metadata
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.workspace import reviews
from rekindle.workspace.approval import ApprovalRefused, takes_two
from rekindle.workspace.documents import Workspace
from rekindle.workspace.reviews import Review

_versions = sa.Table(
    "workspace_versions",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("origin", sa.String(10), nullable=False, server_default="folder"),
)
_live = sa.Table(
    "workspace_live",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)


Origin = Literal["folder", "console"]
"""Where a version was made: of a folder's files, or by a change of the live version in the console."""


class Version(msgspec.Struct, frozen=True):
    """One version: number (from 1), SHA-256 of the document, who, why, when (ms), whether it is live, and its origin."""

    workspace: str
    version: int
    digest: str
    author: str
    reason: str
    created_ms: int
    live: bool
    origin: Origin = "folder"


class VersionMissing(LookupError):
    """There is no such version; the message names those there are."""


Recorder = Callable[[str, str, str, str], None]
"""Writes who did what to which workspace and why (workspace, actor, action, detail); raises when it cannot."""


class Versions:
    """Apply, roll back and read. A change that cannot be recorded in the ledger is refused: the recorder goes first."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        record: Recorder,
        approvers: Callable[[str], int] = lambda _name: 0,
        clean: Callable[[str], str] = str,
    ) -> None:
        """``approvers`` says how many people of a workspace may approve a change of its policy.

        ``clean`` cuts personal data out of reasons: versions are kept for good.
        """
        self._database = database
        self._clock = clock
        self._record = record
        self._approvers = approvers
        self._clean = clean

    def apply(self, workspace: Workspace, author: str, reason: str, origin: Origin = "folder") -> Version:
        """Make the workspace's next version and point to it; the same content again changes nothing.

        A change of the policy that takes two people is only proposed: the version is there and not ``live`` until
        somebody else approves it (`approve`).
        """
        reason = self._clean(reason)
        document = msgspec.json.encode(workspace, order="deterministic")
        digest = hashlib.sha256(document).hexdigest()
        current = self._current_version(workspace.name)
        if current is not None and current.digest == digest:
            return current
        proposed = self.takes_two(workspace)
        pending = self.pending(workspace.name)
        if proposed and pending is not None and pending.digest == digest:
            return pending
        action = "workspace.propose" if proposed else "workspace.apply"
        self._record(workspace.name, author, action, f"{digest} {reason}".strip())
        with self._database.begin() as connection:
            last = connection.execute(
                sa.select(sa.func.max(_versions.c.version)).where(_versions.c.workspace == workspace.name)
            ).scalar()
            version = Version(
                workspace.name, (last or 0) + 1, digest, author, reason, self._clock(), not proposed, origin
            )
            connection.execute(
                _versions.insert().values(
                    workspace=version.workspace,
                    version=version.version,
                    digest=digest,
                    document=document,
                    author=author,
                    reason=reason,
                    created_ms=version.created_ms,
                    origin=origin,
                )
            )
            if proposed:
                made = Review(version.version, "proposed", author, reason, version.created_ms)
                reviews.put(connection, workspace.name, made)
            else:
                self._point(connection, workspace.name, version.version)
        return version

    def takes_two(self, workspace: Workspace) -> bool:
        """Tell whether applying this needs a second person."""
        return takes_two(self.live().get(workspace.name), workspace, self._approvers(workspace.name))

    def approve(self, name: str, version: int, approver: str, reason: str) -> Version:
        """Point to a proposed version. Raises `VersionMissing` and `ApprovalRefused`."""
        history = self.history(name)
        target = self._choose(name, history, version)
        if target.live:
            raise ApprovalRefused(f"version {version} is live already")
        if target.author.casefold() == approver.casefold():
            raise ApprovalRefused(f"{approver} proposed version {version}; somebody else must approve it")
        if target.version != history[0].version:
            raise ApprovalRefused(f"there is a newer version, {history[0].version}; propose again what is wanted now")
        if any(one.version == version and one.state == "rejected" for one in self.reviews(name)):
            raise ApprovalRefused(f"version {version} was rejected; propose again what is wanted now")
        self._record(name, approver, "workspace.approve", f"version {version} by {target.author} {reason}".strip())
        with self._database.begin() as connection:
            reviews.put(connection, name, Review(version, "approved", approver, self._clean(reason), self._clock()))
            self._point(connection, name, version)
        return msgspec.structs.replace(target, live=True)

    def reject(self, name: str, version: int, person: str, reason: str) -> None:
        """End a proposal, one's own too; what is live stays. Raises `ApprovalRefused` when it is not waiting."""
        pending = self.pending(name)
        if pending is None or pending.version != version:
            raise ApprovalRefused(f"version {version} does not wait for anybody")
        self._record(name, person, "workspace.reject", f"version {version} by {pending.author} {reason}".strip())
        with self._database.begin() as connection:
            reviews.put(connection, name, Review(version, "rejected", person, self._clean(reason), self._clock()))

    def pending(self, name: str) -> Version | None:
        """Return the version that waits for a second person: the newest, if it was proposed and nobody has answered."""
        newest = next(iter(self.history(name)), None)
        if newest is None or newest.live:
            return None
        asked = any(one.version == newest.version and one.state == "proposed" for one in self.reviews(name))
        return newest if asked else None

    def reviews(self, name: str) -> Sequence[Review]:
        """Return what became of the workspace's proposals, newest first."""
        with self._database.read() as connection:
            return reviews.of(connection, name)

    def rollback(self, name: str, version: int | None, author: str, reason: str) -> Version:
        """Point to an earlier version: ``version``, or the one before the live one.

        Raises `VersionMissing`, and `ApprovalRefused` where the policy would change and that takes two people.
        """
        history = self.history(name)
        target = self._choose(name, history, version)
        if self.takes_two(self.read(name, target.version)):
            raise ApprovalRefused(
                f"version {target.version} has another policy, which takes two people: put its files back and apply them"
            )
        self._record(name, author, "workspace.rollback", f"to version {target.version} {reason}".strip())
        with self._database.begin() as connection:
            self._point(connection, name, target.version)
        return msgspec.structs.replace(target, live=True)

    def history(self, name: str) -> Sequence[Version]:
        """Return the workspace's versions, newest first."""
        with self._database.read() as connection:
            live = connection.execute(sa.select(_live.c.version).where(_live.c.workspace == name)).scalar()
            rows = connection.execute(
                sa.select(_versions).where(_versions.c.workspace == name).order_by(_versions.c.version.desc())
            ).all()
        return [
            Version(
                row.workspace,
                row.version,
                row.digest,
                row.author,
                row.reason,
                row.created_ms,
                row.version == live,
                row.origin,
            )
            for row in rows
        ]

    def from_folder(self, name: str) -> Workspace | None:
        """Return what a folder's files last made live, up to the live version; None before that."""
        history = self.history(name)
        live = next((each.version for each in history if each.live), 0)
        found = (each for each in history if each.version <= live and each.origin == "folder")
        return next((self.read(name, each.version) for each in found), None)

    def live(self) -> Mapping[str, Workspace]:
        """Return every workspace's live version by name."""
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(_versions.c.workspace, _versions.c.document).join(
                    _live,
                    sa.and_(_live.c.workspace == _versions.c.workspace, _live.c.version == _versions.c.version),
                )
            ).all()
        return {row.workspace: msgspec.json.decode(row.document, type=Workspace) for row in rows}

    def pointers(self) -> Mapping[str, int]:
        """Return each workspace's live version number: cheap to ask often, to see that something was applied."""
        with self._database.read() as connection:
            return {row.workspace: row.version for row in connection.execute(sa.select(_live)).all()}

    def read(self, name: str, version: int) -> Workspace:
        """Return one version's content. Raises `VersionMissing`."""
        with self._database.read() as connection:
            document = connection.execute(
                sa.select(_versions.c.document).where(_versions.c.workspace == name, _versions.c.version == version)
            ).scalar()
        if document is None:
            raise VersionMissing(f"workspace {name!r} has no version {version}")
        return msgspec.json.decode(document, type=Workspace)

    def at(self, name: str, at_ms: int) -> Workspace | None:
        """Return the newest version that there was at ``at_ms``, or None. A rollback in between is not followed."""
        found = (each for each in self.history(name) if each.created_ms <= at_ms)
        return next((self.read(name, each.version) for each in found), None)

    def _current_version(self, name: str) -> Version | None:
        return next((version for version in self.history(name) if version.live), None)

    def _choose(self, name: str, history: Sequence[Version], version: int | None) -> Version:
        if version is not None:
            for candidate in history:
                if candidate.version == version:
                    return candidate
            known = ", ".join(str(candidate.version) for candidate in history) or "none"
            raise VersionMissing(f"workspace {name!r} has no version {version}; there are: {known}")
        live = next((index for index, candidate in enumerate(history) if candidate.live), None)
        if live is None or live + 1 >= len(history):
            raise VersionMissing(f"workspace {name!r} has no version before the live one")
        return history[live + 1]

    def _point(self, connection: sa.Connection, name: str, version: int) -> None:
        statement = upsert(_live, self._database.dialect).values(workspace=name, version=version)
        connection.execute(statement.on_conflict_do_update(index_elements=["workspace"], set_={"version": version}))
