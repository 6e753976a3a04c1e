"""Broken bodies through `collect.wire.decode` and the door, with the real privacy engine behind it.

Bodies are made from good ones by changing values, keys, bytes and lengths, from a seed. The decoder may raise
`Unreadable`; anything else that is raised is a fault, and so is an event that comes out twice or not at all, or a record
that cannot be read again. Run: ``python -m tools.fuzz.gateway --count 1000000``
"""

from __future__ import annotations

import argparse
import collections
import copy
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from rekindle.collect.door import Door, Guards, Sender
from rekindle.collect.entropy import pooled_random
from rekindle.collect.wire import Unreadable, decode
from rekindle.engines.database import open_database
from rekindle.engines.secrets import SealedFileSecrets
from rekindle.model import record
from rekindle.model.clock import rfc3339, system_clock
from rekindle.privacy import redact
from rekindle.privacy.decide import door
from rekindle.privacy.keys import Keyring
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.vault import Vault
from rekindle.workspace import Shop, Workspace

MOST_EVENTS, LONGEST = 100, 256 * 1024  # as at `/e`
SENDERS = (
    Sender(True, "203.0.113.9", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0", "1.AAAAAAAAAAAAAAAAAAAAAA"),
    Sender(True, "", "", None),
    Sender(False),
)
TOKENS: tuple[bytes, ...] = (
    b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999", b"1e-999", b"9" * 400, b'""', b"[]", b"{}", b"[" * 2000,
    b'{"a":' * 500, b"\xff", b"\xed\xa0\x80", b"\x00", b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b'"granted"', b'"denied"',
    b'"extra"', b'"event"', b'"consent_update"', b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:59-23:59"',
    b'"COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA"', b'"DBAA"', b'"1YNN"', b'"a@b.example"', b'"+48 601 234 567"',
    b'"https://[::1"', b'"https://shop.example/?q=a%40b.example&gclid=1"', b'"' + b"a" * 30_000 + b'"',
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**70, 1.5, -0.0, 1e308, "", "x", "granted", "denied", "NaN", "Infinity", "1e400", "PLN",
    "zł", "\ud7ff\U0010ffff", "\x1f", "a@b.example", "https://shop.example/p/1?utm_id=4111111111111111#a", [], {}, [[]],
    {"a": {}}, "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "2026-02-30T25:61:61Z", "2026-09-01T11:59:60Z",
)  # fmt: skip


def good(now_ms: int) -> dict[str, Any]:
    """Return a body that uses every part of an event."""
    event = {
        "event": "purchase",
        "event_id": "e-1",
        "event_time": rfc3339(now_ms),
        "source": "web",
        "page": {"url": "https://shop.example/p/1?gclid=1&q=shoe", "referrer": "https://a.example/", "title": "Shoe"},
        "client": {"client_id": "1.AAAAAAAAAAAAAAAAAAAAAA", "ip": "203.0.113.9", "user_agent": "x", "fbp": "fb.1.1.1"},
        "user": {"user_id": "u", "email": "a@b.example", "phone": "+48601234567", "external": {"crm": "1"}},
        "ecommerce": {
            "transaction_id": "T1",
            "value": 10.5,
            "currency": "pln",
            "search_term": "shoe",
            "items": [{"item_id": "A", "price": "10.50", "quantity": 1, "discount": 0}],
        },
        "consent": {"ad_storage": "granted", "analytics_storage": "granted", "tcf": None, "gpc": False},
        "ldu": {"enabled": True, "country": 1, "state": 1000},
        "mine": {"of": ["any", 1]},
    }
    return {"sent_at": rfc3339(now_ms), "events": [event, dict(event, event_id="e-2", user={})]}


def bodies(count: int, seed: int, now_ms: int) -> Iterator[bytes]:
    """Yield broken bodies, the same ones for a seed."""
    chance = random.Random(seed)
    whole = good(now_ms)
    for _ in range(count):
        shape = chance.random()
        body: Any = whole if shape < 0.5 else whole["events"] if shape < 0.7 else whole["events"][0]
        body = msgspec.json.decode(msgspec.json.encode(body))
        for _ in range(chance.randint(0, 3)):
            _change(body, chance)
        raw = msgspec.json.encode(body)[:LONGEST]
        for _ in range(chance.choice((0, 0, 0, 1, 1, 4))):
            raw = _break(raw, chance)
        yield raw[:LONGEST]


def _change(body: Any, chance: random.Random) -> None:
    """Change one value, key or length somewhere inside."""
    here = body
    while isinstance(here, dict | list) and here:
        key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
        below = here[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.85:
            here = below
            continue
        match chance.randrange(6):
            case 0 if isinstance(here, dict):
                here[chance.choice(("extra", "event", "Ad_Storage", "", "items", "x" * 300))] = here.pop(key)
            case 1:
                del here[key]
            case 2 if isinstance(here, list) and len(here) < 3:
                here *= chance.choice((2, 60, 250))
            case 3 if isinstance(below, str) and len(below) < 30:
                here[key] = below * chance.choice((2, 50, 1000))
            case _:
                here[key] = copy.deepcopy(chance.choice(VALUES))
        return


def _break(raw: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(raw) + 1)
    to = min(len(raw), at + chance.randint(0, 20))
    match chance.randrange(5):
        case 0:
            return raw[:at]
        case 1:
            return raw[:at] + raw[to:]
        case 2:
            return raw[:at] + bytes(chance.randrange(256) for _ in range(3)) + raw[to:]
        case 3:
            return raw[:at] + chance.choice(TOKENS) + raw[to:]
        case _:
            return raw[:at] + raw[at:to] * 3 + raw[to:]


class Target:
    """The decoder and the door. `try_one` raises `AssertionError` or whatever the code should not have raised."""

    def __init__(self, folder: Path) -> None:
        database = open_database(folder / "state.db")
        database.create_all()
        keyring = Keyring(SealedFileSecrets(folder / "secrets.json", bytes(32)))
        keyring.ensure()
        vault = Vault(database, keyring, system_clock, random=pooled_random())
        guards = Guards(
            door,
            Pseudonymiser(keyring).subject,
            vault.seal,
            redact.clean_url,
            redact.clean_text,
            redact.clean_search_term,
        )
        shop = Shop(name="shop", title="Shop", origins=["https://shop.example"], country="PL", currency="PLN")
        self._door, self._workspace = Door(guards, system_clock), Workspace(shop=shop)
        self.outcomes: collections.Counter[str] = collections.Counter()

    def try_one(self, body: bytes, sender: Sender) -> None:
        """Decode and take one body."""
        try:
            batch = decode(body, MOST_EVENTS)
        except Unreadable:
            self.outcomes["unreadable bodies"] += 1
            return
        places = [one.index for one in batch.events] + [one.index for one in batch.problems]
        if sorted(places) != list(range(len(places))):
            raise AssertionError("an event came out twice, or not at all")
        taken = self._door.take(self._workspace, batch, sender)
        if taken.accepted + sum(taken.refused.values()) != len(places):
            raise AssertionError("the sums do not balance")
        for keyed in taken.records:
            record.decode(keyed.value)
        self.outcomes["accepted events"] += taken.accepted
        for (outcome, _), number in taken.refused.items():
            self.outcomes[f"{outcome} events"] += number


def run(count: int, seed: int) -> collections.Counter[str]:
    """Try ``count`` bodies; return how they came out. Raises at the first fault, naming seed and number."""
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder))
        for number, body in enumerate(bodies(count, seed, system_clock())):
            try:
                target.try_one(body, SENDERS[number % len(SENDERS)])
            except Exception as error:
                raise AssertionError(f"seed {seed}, body {number}: {body[:400]!r}") from error
    return target.outcomes


def main() -> None:
    parser = argparse.ArgumentParser("python -m tools.fuzz.gateway", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.nice(10)
    began = time.monotonic()
    run(min(options.count, 5000), options.seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = run(options.count, options.seed)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{options.count:,} bodies, seed {options.seed}, {time.monotonic() - began:.0f} s: no fault")
    print(", ".join(f"{name} {number:,}" for name, number in sorted(outcomes.items())))
    print(f"peak memory {before / 1024:.0f} MB after the first 5,000, {after / 1024:.0f} MB at the end")


if __name__ == "__main__":
    main()
