"""Signed checkpoints: C2SP tlog-checkpoint, a signed note (C2SP signed-note) with Ed25519."""

from __future__ import annotations

import base64
import hashlib
import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ED25519 = b"\x01"
_NOTE = re.compile(r"— [^\s+]+ [A-Za-z0-9+/]+={0,2}")
"""One signature: a name without spaces or plus, and base64 (C2SP signed-note). Those of others may stand beside ours."""


class CheckpointInvalid(Exception):
    """The text is no checkpoint, or nobody we trust signed it."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree's size and root, under the log's name."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Return the checkpoint as a signed note."""
    body = checkpoint.body()
    signed = _key_id(checkpoint.origin, key.public_key()) + key.sign(body.encode())
    return f"{body}\n— {checkpoint.origin} {base64.b64encode(signed).decode()}\n"


def verify(note: str, key: Ed25519PublicKey, origin: str | None = None) -> Checkpoint:
    """Read a signed note and check its signature. Raises `CheckpointInvalid`."""
    body, gap, signatures = note.partition("\n\n")
    rows = body.split("\n")
    if not gap or len(rows) != 3 or not signatures.endswith("\n"):
        raise CheckpointInvalid("not a name, a size, a root and signatures")
    try:
        found = Checkpoint(rows[0], int(rows[1]), base64.b64decode(rows[2], validate=True))
    except ValueError:
        raise CheckpointInvalid("the size or the root cannot be read") from None
    if found.body() != body + "\n" or len(found.root) != 32:
        raise CheckpointInvalid("the size or the root is not in its one form")
    if origin is not None and found.origin != origin:
        raise CheckpointInvalid(f"a checkpoint of {found.origin!r}, not of {origin!r}")
    notes = signatures[:-1].split("\n")
    if not all(_NOTE.fullmatch(row) for row in notes):
        raise CheckpointInvalid("what follows the body is not signatures alone")
    if any(_signed(row, found, key) for row in notes):
        return found
    raise CheckpointInvalid("no valid signature of this key")


def verifier_key(origin: str, key: Ed25519PublicKey) -> str:
    """Return the public key in the form of C2SP signed-note: ``name+id+key``."""
    raw = _ED25519 + _raw(key)
    return f"{origin}+{_key_id(origin, key).hex()}+{base64.b64encode(raw).decode()}"


def read_verifier_key(text: str) -> tuple[str, Ed25519PublicKey]:
    """Read `verifier_key`. Raises `CheckpointInvalid`."""
    try:
        origin, identity, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        if raw[:1] != _ED25519:
            raise CheckpointInvalid("not an Ed25519 key")
        key = Ed25519PublicKey.from_public_bytes(raw[1:])
    except ValueError:
        raise CheckpointInvalid("not a verifier key: name+id+key") from None
    if _key_id(origin, key).hex() != identity:
        raise CheckpointInvalid("the key's id does not belong to it")
    return origin, key


def _signed(row: str, found: Checkpoint, key: Ed25519PublicKey) -> bool:
    prefix = f"— {found.origin} "
    if not row.startswith(prefix):
        return False
    try:
        raw = base64.b64decode(row.removeprefix(prefix), validate=True)
    except ValueError:
        return False
    if raw[:4] != _key_id(found.origin, key) or base64.b64encode(raw).decode() != row.removeprefix(prefix):
        return False
    try:
        key.verify(raw[4:], found.body().encode())
    except InvalidSignature:
        return False
    return True


def _key_id(origin: str, key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + _raw(key)).digest()[:4]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
