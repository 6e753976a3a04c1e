"""The vault: personal data encrypted with a key of the person's own, so that destroying the key erases the person.

A subject's key is a leaf of a key tree (`_tree.py`), one tree for each workspace and calendar month. The trees' nodes
are in the state database, in families of sixteen, wrapped by the key-encryption key (`_families.py`). Sealing therefore
writes nothing: the gateway's hot path has no second fsync, and nothing grows with the number of visitors. `Vault.destroy` cuts a
subject out of every month's tree for good: the log, its archives and its copies stay as they are and can no longer be
read for that subject. A month's tree goes as a whole when its time is over (`Vault.expire`).

The ledger can forget nothing, so it knows a subject by `Vault.link` alone, a name made with the same key: when the key
is gone, nobody can say any more whose line it was.

The one copy that brings a destroyed key back is an older copy of the state database together with the
key-encryption key. `Keyring.rotate("vault")`, `Vault.rewrap` and the deletion of the old key end that too.
"""

from __future__ import annotations

import base64
import hmac
import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rekindle.engines.database import Database
from rekindle.model.clock import Clock
from rekindle.privacy import _tree
from rekindle.privacy._families import Families, VaultUnavailable
from rekindle.privacy._month import MonthTree
from rekindle.privacy.keys import Keyring

_VERSION = 1
_HEADERS = struct.Struct(">BHB")  # version, month, generation
_HEADER = _HEADERS.size
_NONCE = 12
_TAG = 16
_CACHED_KEYS = 1_024  # a cipher that is ready for use takes 2.4 KB
_STALE_MS = 1_000

__all__ = ["Vault", "VaultUnavailable"]

_Held = tuple[int, AESGCM, bytes]  # a subject's key in use: generation, cipher, what a seal is bound to


class Vault:
    """Seals and opens blobs: ``version ‖ month ‖ generation ‖ nonce ‖ AES-256-GCM``; workspace and subject are bound.

    ``generation`` counts how often that subject was destroyed in that month, so that a person who comes back with a
    new consent is a new person to the vault. Another process's `destroy` is noticed within a second of ``clock``.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        random: Callable[[int], bytes] = os.urandom,
        cached_keys: int = _CACHED_KEYS,
    ) -> None:
        self._families = Families(database, keyring, random)
        self._clock = clock
        self._random = random
        self._limit = cached_keys
        self._keys: OrderedDict[tuple[str, str, int], _Held] = OrderedDict()
        self._links: dict[tuple[str, str, int], str] = {}
        self._trees: dict[tuple[str, int], MonthTree] = {}
        self._seen: dict[str, tuple[int, int]] = {}  # workspace -> (revision, when it was read)
        self._lock = threading.RLock()
        self._month = (0, 0, 0)  # number, first and last millisecond

    def seal(self, workspace: str, subject: str, plaintext: bytes) -> bytes:
        """Return ``plaintext`` encrypted with the subject's key of this month. Raises `VaultUnavailable`."""
        now = self._clock()
        month = self._month_of(now)
        held = self._keys.get((workspace, subject, month))
        seen = self._seen.get(workspace)
        # The hot path: a key at hand, and nobody's erasure to look for yet.
        if held is None or seen is None or not 0 <= now - seen[1] < _STALE_MS:
            with self._lock:
                self._notice(workspace, now)
                held = self._current(workspace, subject, month)
        _, cipher, bound = held
        nonce = self._random(_NONCE)
        return bound[:_HEADER] + nonce + cipher.encrypt(nonce, plaintext, bound)

    def open(self, workspace: str, subject: str, sealed: bytes) -> bytes | None:
        """Return what was sealed; None when the key was destroyed, or the blob is another's, cut or altered.

        Raises `VaultUnavailable` when the key store cannot be read, which says nothing about the blob.
        """
        if len(sealed) < _HEADER + _NONCE + _TAG or sealed[0] != _VERSION:
            return None
        nonce = sealed[_HEADER : _HEADER + _NONCE]
        month, generation = (sealed[1] << 8) + sealed[2], sealed[3]
        with self._lock:
            self._notice(workspace, self._clock())
            held = self._keys.get((workspace, subject, month))
            if held is None or held[0] != generation:
                key = self._leaf(workspace, month, _tree.leaf_path(subject, generation))
                if key is None:
                    return None
                held = self._remember((workspace, subject, month), generation, AESGCM(key))
        try:
            return held[1].decrypt(nonce, sealed[_HEADER + _NONCE :], held[2])
        except InvalidTag:
            return None

    def link(self, workspace: str, subject: str) -> str:
        """Return the ledger's name for the subject in this month. Raises `VaultUnavailable`."""
        now = self._clock()
        month = self._month_of(now)
        with self._lock:
            self._notice(workspace, now)
            found = self._links.get((workspace, subject, month))
            if found is None:
                self._ensure(workspace, month)
                found = self._link(workspace, subject, month)
                if found is None:
                    raise VaultUnavailable("this subject was erased 256 times in one month; no key is left for it")
                if len(self._links) >= 8 * self._limit:
                    self._links.clear()
                self._links[workspace, subject, month] = found
        return found

    def links(self, workspace: str, subject: str) -> list[str]:
        """Return every name that the ledger may have for the subject: one for each month whose keys are kept."""
        months = self._families.months(workspace)
        with self._lock:
            self._notice(workspace, self._clock())
            found = [self._link(workspace, subject, month) for month in months]
        return [link for link in found if link is not None]

    def _link(self, workspace: str, subject: str, month: int) -> str | None:
        for generation in range(256):
            key = self._leaf(workspace, month, _tree.leaf_path(subject, generation))
            if key is not None:
                digest = hmac.digest(key, b"rekindle/ledger/link", "sha256")
                return "k_" + base64.b32encode(digest[:16])[:26].decode().lower()
        return None

    def destroy(self, workspace: str, subject: str) -> int:
        """Destroy the subject's key in every month; return how many months lost one. Durable on return."""
        try:
            return self._families.cut(workspace, subject)
        finally:
            self._forget(workspace)

    def expire(self, workspace: str, before_ms: int) -> int:
        """Destroy the trees of every month that ended before that moment; return how many."""
        try:
            return self._families.drop(workspace, _number(before_ms))
        finally:
            self._forget(workspace)

    def rewrap(self, workspace: str) -> int:
        """Wrap every family with the newest key-encryption key; the older key can then be deleted. Returns how many."""
        try:
            return self._families.rewrap(workspace)
        finally:
            self._forget(workspace)

    # -- keys ---------------------------------------------------------------------------------------------------

    def _current(self, workspace: str, subject: str, month: int) -> _Held:
        name = (workspace, subject, month)
        held = self._keys.get(name)
        if held is not None:
            self._keys.move_to_end(name)
            return held
        tree = self._trees.get((workspace, month)) or self._ensure(workspace, month)
        for generation in range(256):
            key = tree.leaf(_tree.leaf_path(subject, generation))
            if key is not None:
                return self._remember(name, generation, AESGCM(key))
        raise VaultUnavailable("this subject was erased 256 times in one month; no key is left for it")

    def _remember(self, name: tuple[str, str, int], generation: int, cipher: AESGCM) -> _Held:
        workspace, subject, month = name
        made = (generation, cipher, _bound(month, generation, workspace, subject))
        held = self._keys.setdefault(name, made)
        if held is not made and held[0] <= generation:
            self._keys[name] = made
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return made

    def _leaf(self, workspace: str, month: int, path: str) -> bytes | None:
        tree = self._trees.get((workspace, month)) or self._tree(workspace, month)
        return tree.leaf(path) if tree else None

    def _tree(self, workspace: str, month: int) -> MonthTree:
        tree = self._trees.get((workspace, month))
        if tree is None:
            tree = self._families.tree(workspace, month)
            if tree:  # one that is not there yet may be planted by another process any moment
                self._trees[workspace, month] = tree
        return tree

    def _ensure(self, workspace: str, month: int) -> MonthTree:
        if tree := self._tree(workspace, month):
            return tree
        tree = self._trees[workspace, month] = self._families.plant(workspace, month)
        return tree

    # -- staying current ----------------------------------------------------------------------------------------

    def _notice(self, workspace: str, now: int) -> None:
        seen = self._seen.get(workspace)
        if seen is not None and 0 <= now - seen[1] < _STALE_MS:
            return
        revision = self._families.revision(workspace)
        if seen is not None and seen[0] != revision:
            self._forget(workspace)
        self._seen[workspace] = (revision, now)

    def _forget(self, workspace: str) -> None:
        with self._lock:
            for tree in [name for name in self._trees if name[0] == workspace]:
                del self._trees[tree]
            for held in (self._keys, self._links):
                for key in [name for name in held if name[0] == workspace]:
                    del held[key]
            self._seen.pop(workspace, None)

    def _month_of(self, now: int) -> int:
        number, first, last = self._month
        if not first <= now <= last:
            number = _number(now)
            self._month = (number, _start(number), _start(number + 1) - 1)
        return number


def _bound(month: int, generation: int, workspace: str, subject: str) -> bytes:
    """Return what a seal is bound to: the blob's header, then whose it is."""
    return _HEADERS.pack(_VERSION, month, generation) + f"{workspace}\x1f{subject}".encode()


def _number(ms: int) -> int:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return (moment.year - 1970) * 12 + moment.month - 1


def _start(number: int) -> int:
    return int(datetime(1970 + number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)
