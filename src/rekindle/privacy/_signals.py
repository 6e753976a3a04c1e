"""Choices on their way from the log to the table: of each person the newest, with everything else of a record left unread."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from rekindle.engines.log import Entry
from rekindle.model.event import Consent
from rekindle.model.names import PLAIN, Names

Key = tuple[str, str]
"""Workspace and subject."""

_ENTRIES: Final = 131_072
_CHARACTERS: Final = 16 << 20


# The records of `rekindle.model.record`, as far as they matter here: reading these few fields costs a quarter.
class Event(msgspec.Struct, tag="e", gc=False):
    """A choice that came with an event, for each of the person's names."""

    workspace: str
    subject: str
    received_ms: int
    consent: Consent
    user_subjects: list[str] = []


class Change(msgspec.Struct, tag="c", gc=False):
    """A choice alone."""

    workspace: str
    subject: str
    received_ms: int
    consent: Consent


Choice = Event | Change


class _Tally(msgspec.Struct, tag="t", gc=False):
    workspace: str


_decoder = msgspec.msgpack.Decoder(Event | Change | _Tally)


class Pending:
    """Newest choices that are not in the table yet. Bounded by entries and by the characters of their strings.

    Safe to use from several threads.
    """

    def __init__(
        self,
        names: Names = PLAIN,
        entries: int = _ENTRIES,
        characters: int = _CHARACTERS,
    ) -> None:
        """Keep choices under a person's newest pseudonym, as ``names`` tells it."""
        self._names = names
        self._newest: dict[Key, Choice] = {}
        self._entries = entries
        self._most_characters = characters
        self._characters = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._newest)

    def full(self) -> bool:
        """Whether it must be written before more is read."""
        return len(self._newest) >= self._entries or self._characters >= self._most_characters

    def read(self, entries: Sequence[Entry]) -> tuple[list[Key], list[Entry]]:
        """Take up what these entries say; return whose choice changed, and the entries that are no records."""
        changed: list[Key] = []
        unreadable: list[Entry] = []
        read, current, prefix = _decoder.decode, self._names.current, self._names.newest()
        with self._lock:
            for entry in entries:
                try:
                    record = read(entry.value)
                except msgspec.MsgspecError:
                    unreadable.append(entry)
                    continue
                if isinstance(record, _Tally):
                    continue
                # A million of these may stand before the first send: most names are the newest, and each has one.
                subject = record.subject
                key = (record.workspace, subject if subject.startswith(prefix) else current(subject))
                self._keep(key, record, changed)
                if isinstance(record, Event) and record.user_subjects:
                    for name in record.user_subjects:
                        self._keep((record.workspace, current(name)), record, changed)
        return changed, unreadable

    def _keep(self, key: Key, record: Choice, changed: list[Key]) -> None:
        before = self._newest.get(key)
        if before is None:
            self._characters += size(record.consent)
        elif before.received_ms > record.received_ms:
            return
        elif before.consent != record.consent:
            self._characters += size(record.consent) - size(before.consent)
        self._newest[key] = record
        changed.append(key)

    def get(self, key: Key) -> Choice | None:
        """Return the choice that waits for this person, if one does."""
        return self._newest.get(key)

    def first(self, most: int) -> list[tuple[Key, Choice]]:
        """Return up to ``most`` of those that wait."""
        with self._lock:
            return list(islice(self._newest.items(), most))

    def written(self, rows: Sequence[tuple[Key, Choice]]) -> None:
        """Forget what is in the table now, unless something newer came."""
        with self._lock:
            for key, choice in rows:
                if self._newest.get(key) is choice:
                    self._drop(key)

    def drop(self, key: Key) -> None:
        """Forget one person's choice."""
        with self._lock:
            self._drop(key)

    def expire(self, workspace: str, before_ms: int) -> None:
        """Forget the choices in a workspace that were received before that moment."""
        with self._lock:
            for key, choice in list(self._newest.items()):
                if key[0] == workspace and choice.received_ms < before_ms:
                    self._drop(key)

    def clear(self) -> None:
        """Forget everything; it will be read again."""
        with self._lock:
            self._newest.clear()
            self._characters = 0

    def _drop(self, key: Key) -> None:
        gone = self._newest.pop(key, None)
        if gone is not None:
            self._characters -= size(gone.consent)


def size(consent: Consent) -> int:
    """Return how many characters the strings of frameworks have."""
    return len(consent.tcf or "") + len(consent.gpp or "") + len(consent.ac or "")
