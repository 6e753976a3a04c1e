"""Forget a person: everywhere, for good, with proof.

The order matters: nothing new may come in before anything is deleted, and what platforms must be told is put aside
before the keys go. Every step can be repeated; an erasure that was interrupted is done again from the start.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from rekindle.engines.database import Database
from rekindle.engines.log import Log
from rekindle.engines.log.view import forget_events
from rekindle.model.clock import Clock, rfc3339
from rekindle.model.names import Names
from rekindle.model.record import ConsentChange, Stored, Tally, decode, encode
from rekindle.model.sealed import Sealed
from rekindle.privacy import suppression
from rekindle.privacy.checkpoint import verifier_key
from rekindle.privacy.keys import Keyring, KeyUnusable
from rekindle.privacy.ledger import ORIGIN, Ledger, LedgerLine
from rekindle.privacy.normalise import PLATFORMS, Platform
from rekindle.privacy.subjects.certificate import commitment, sign
from rekindle.privacy.subjects.export import Dossier, gather
from rekindle.privacy.subjects.holders import Holder
from rekindle.privacy.subjects.needles import Needles, identifying, needles
from rekindle.privacy.subjects.person import Person
from rekindle.privacy.subjects.removals import OPEN, Removals
from rekindle.privacy.subjects.requests import Law, Requests
from rekindle.privacy.subjects.survivors import Searched, search
from rekindle.privacy.vault import Vault


@runtime_checkable
class Rewritable(Protocol):
    """A log whose records can be replaced where they are."""

    async def rewrite(self, change: Callable[[bytes], bytes]) -> int | None:
        """Replace records; ``change`` returns what stays as it came. Returns how many, None where some cannot be."""
        ...


class Sent(msgspec.Struct, frozen=True):
    """What kind of platform a destination is. ``kind``: ``audience``, or why nothing can be taken back from it."""

    audience: bool
    why_not: str = ""


class Erasure:
    """Erases people of one installation.

    ``sent`` tells what a destination of a workspace is; ``remove`` asks the platforms now, once; ``workspaces`` are
    those whose keys are rewrapped when the keys are rotated; ``platforms`` are the normalisers by whose hashes survivors
    are looked for.
    """

    def __init__(
        self,
        *,
        data: Path,
        database: Database,
        log: Log,
        keyring: Keyring,
        vault: Vault,
        ledger: Ledger,
        clock: Clock,
        names: Names,
        holders: Sequence[Holder],
        sent: Callable[[str, str], Sent],
        remove: Callable[[str, Removals], Awaitable[object]],
        workspaces: Callable[[], Collection[str]],
        platforms: Collection[Platform] = tuple(PLATFORMS.values()),
    ) -> None:
        self._data = data
        self._database = database
        self._log = log
        self._keyring = keyring
        self._vault = vault
        self._ledger = ledger
        self._clock = clock
        self._names = names
        self._holders = holders
        self._sent = sent
        self._remove = remove
        self._workspaces = workspaces
        self._platforms = platforms

    async def erase(
        self,
        person: Person,
        *,
        actor: str,
        law: Law,
        identifier: tuple[str, str] | None,
        region: str | None = None,
        rotate_keys: bool = False,
    ) -> tuple[bytes, str]:
        """Forget the person; return the signed certificate and the salt of its commitment.

        ``identifier`` is the kind and value that the person gave, where it was no pseudonym. Raises what the ledger,
        the vault, the log or the database raise; then it is to be done again.
        """
        dossier = await gather(self._log, self._database, self._vault, self._clock, person)
        requests = Requests(self._database, self._clock, person.workspace, self._names)
        removals = Removals(self._database, self._keyring, self._clock, person.workspace)
        self._note(person.workspace, actor, "subject.erase", {})
        request = requests.begin("erase", law, person.names)
        now = self._clock()
        with self._database.begin() as connection:
            suppression.put(connection, person.workspace, person.names, "erased", now, self._names)
        opened = [sealed for _, sealed in dossier.events if sealed is not None]
        self._queue(person, dossier, opened, removals, request.id)
        months = sum(self._vault.destroy(person.workspace, name) for name in sorted(person.names))
        rewritten = await self._log.rewrite(_nameless(person)) if isinstance(self._log, Rewritable) else None
        with self._database.begin() as connection:
            rows = {holder.name: holder.erase(connection, person, dossier.event_ids) for holder in self._holders}
            rows["duplicates known"] = forget_events(connection, person.workspace, dossier.event_ids)
        retired = await asyncio.to_thread(self._rotate) if rotate_keys else None
        raw = [*identifying(opened), *([identifier] if identifier else [])]
        wanted = needles(person.names, raw, region, self._platforms)
        await asyncio.to_thread(self._scrub, compact=False)
        searched = await asyncio.to_thread(search, self._data, wanted, self._database)
        if searched.survivors and self._database.dialect == "sqlite":
            # A page that was split may keep the bytes of a row that has moved on; a rewritten file does not.
            await asyncio.to_thread(self._scrub, compact=True)
            searched = await asyncio.to_thread(search, self._data, wanted, self._database)
        await self._remove(person.workspace, removals)
        salt = os.urandom(32).hex()
        platforms = removals.of(request.id)
        waiting = any(one.state in OPEN for one in platforms)
        statement: dict[str, Any] = {
            "certificate": "erasure",
            "request": request.id,
            "workspace": person.workspace,
            "law": law,
            "received": rfc3339(request.received_ms),
            "due": rfc3339(request.due_ms),
            "done": rfc3339(self._clock()),
            "signed_by": verifier_key(ORIGIN, self._keyring.ledger_key().public_key()),
            "person": None if identifier is None else commitment(salt, identifier[1]),
            "pseudonyms": len(person.names),
            "destroyed_keys": months,
            "log_records": {"of_the_person": len(dossier.events) + len(dossier.changes), "replaced": rewritten},
            "rows": rows,
            "retired_keys": retired,
            # Final when every platform has decided, or has said nothing for so long that the reason is told.
            "final": not waiting,
            "platforms": [{"destination": one.destination, "state": one.state, "why": one.reason} for one in platforms],
            "search": _told(searched, wanted),
            "left": _left(person, dossier, rewritten, retired, self._database.dialect),
        }
        signed = sign(statement, self._keyring.ledger_key())
        requests.move(request.id, "waiting" if waiting else "done", signed.decode())
        digest = hashlib.sha256(signed).hexdigest()
        self._note(
            person.workspace, actor, "subject.erased", {"certificate": digest, "survivors": searched.survivors}
        )  # fmt: skip
        return signed, salt

    def _queue(
        self, person: Person, dossier: Dossier, opened: Sequence[Sealed], removals: Removals, request: str
    ) -> None:
        received = Counter(line.line.destination for line in dossier.lines if line.line.kind == "send")
        for destination in sorted(name for name in received if name):
            found = self._sent(person.workspace, destination)
            if not found.audience:
                removals.impossible(request, destination, found.why_not)
            elif opened:
                removals.queue(request, destination, _distinct(opened))
            else:
                removals.impossible(request, destination, "the keys of the person's identifiers were destroyed before")

    def _rotate(self) -> int:
        """Wrap every key anew and delete the old wrapping keys; return how many."""
        self._keyring.rotate("vault")
        for workspace in self._workspaces():
            self._vault.rewrap(workspace)
        try:
            return self._keyring.retire_vault_keys()
        except KeyUnusable:
            return 0

    def _scrub(self, *, compact: bool) -> None:
        if self._database.dialect != "sqlite":
            return
        with self._database.engine.connect() as connection:
            if compact:
                connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _note(self, workspace: str, actor: str, action: str, facts: dict[str, Any]) -> None:
        self._ledger.append(
            [LedgerLine("change", workspace, self._clock(), actor=actor, action=action, facts=facts)]
        )  # fmt: skip


def _nameless(person: Person) -> Callable[[bytes], bytes]:
    """Return what replaces a record: a tally, so that the log still says that one event was there, and no more."""

    def change(value: bytes) -> bytes:
        try:
            record = decode(value)
        except msgspec.MsgspecError:
            return value
        if not person.owns(record):
            return value
        count = 0 if isinstance(record, ConsentChange) else 1
        received = record.received_ms
        assert isinstance(record, Stored | ConsentChange)
        return encode(Tally(person.workspace, received, "filtered", "erased", count))

    return change


def _distinct(opened: Sequence[Sealed]) -> list[Sealed]:
    """Return each different set of identifiers once: what a platform may know the person by."""
    found: dict[bytes, Sealed] = {}
    for sealed in opened:
        bare = Sealed(sealed.client, sealed.user)
        found[msgspec.msgpack.encode(bare)] = bare
    return list(found.values())


def _told(searched: Searched, wanted: Needles) -> dict[str, Any]:
    return {
        "files": searched.files,
        "bytes": searched.bytes,
        "looked_for": len(wanted.forms),
        "too_short_to_look_for": wanted.skipped,
        "survivors": searched.survivors,
        "found": [msgspec.to_builtins(one) for one in searched.found],
        "unread_files": searched.unread,
    }


def _left(
    person: Person, dossier: Dossier, rewritten: int | None, retired: int | None, dialect: str
) -> list[dict[str, str]]:
    """Say what could not be erased, where it is and why."""
    left = [
        {
            "what": "ids of the person's events and the fact that they were sent",
            "where": "ledger",
            "why": "proof of what was done and on which ground (GDPR, Art. 5(2) and 17(3)(e)); the person's name in it "
            "was made with the destroyed key, so nobody can say any more whose lines they are",
        },
        {
            "what": "a hash of each pseudonym",
            "where": "suppression list and register of requests",
            "why": "to recognise and refuse the person's data when somebody sends it again",
        },
        {
            "what": "counts",
            "where": "statistics, popular products, products seen together",
            "why": "they count events and products and hold nothing of a person",
        },
    ]
    if rewritten is None and dossier.events:
        left.append(
            {
                "what": "the person's records, their personal part unreadable",
                "where": "event log",
                "why": "this log cannot replace records; they go when their time of storage is over",
            }
        )
    if person.shared:
        left.append(
            {
                "what": "events that do not name the person",
                "where": "event log",
                "why": "they come from a browser that other people use too",
            }
        )
    if retired is None:
        left.append(
            {
                "what": "copies of the state database from before",
                "where": "backups",
                "why": "with the key-encryption key of their time they still open the person's events; "
                "rotate the keys (--rotate-keys) and destroy old copies of the secrets",
            }
        )
    elif retired == 0:
        left.append(
            {
                "what": "the old key-encryption key",
                "where": "the store of secrets",
                "why": "it is not this installation's to delete; delete it there",
            }
        )
    if dialect != "sqlite":
        left.append(
            {
                "what": "dead rows and the write-ahead log",
                "where": "the database server's files",
                "why": "they are the server's; it reuses them with the next vacuum and checkpoint",
            }
        )
    return left
