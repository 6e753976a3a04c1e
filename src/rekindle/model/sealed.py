"""The personal part of an event, as it is inside the seal."""

from __future__ import annotations

import msgspec

from rekindle.model.event import Client, User


class Sealed(msgspec.Struct, omit_defaults=True, gc=False):
    """``client`` and ``user`` of one event, in clear; it exists only in memory and, encrypted, in the log.

    ``extra`` is a JSON object of the keys the model does not know; they may hold anything and are never forwarded.
    """

    client: Client = msgspec.field(default_factory=Client)
    user: User = msgspec.field(default_factory=User)
    extra: bytes = b""


_decoder = msgspec.msgpack.Decoder(Sealed)


def pack(sealed: Sealed) -> bytes:
    """Return the plaintext that goes into the seal."""
    return msgspec.msgpack.encode(sealed)


def unpack(plaintext: bytes) -> Sealed:
    """Read what came out of the seal. Raises `msgspec.DecodeError`."""
    return _decoder.decode(plaintext)
