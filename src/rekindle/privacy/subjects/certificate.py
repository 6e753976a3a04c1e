"""The certificate of an erasure: what was done, what is left, where and why; signed with the ledger's key.

It names the person only by a commitment, SHA-256 of a random salt and the identifier they gave. The salt is printed
with the certificate and stored nowhere, so that the person can show that it is about them and nobody can search by it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_CONTEXT = b"rekindle/erasure-certificate/1\n"


class CertificateInvalid(Exception):
    """The text is no certificate, or was changed, or another key signed it."""


class Signed(msgspec.Struct, frozen=True):
    """The document as it is written: the statement's exact bytes as text, and the signature over them."""

    certificate: msgspec.Raw
    signature: str


def commitment(salt: str, identifier: str) -> str:
    """Return the certificate's name for the person."""
    return hashlib.sha256(f"{salt}\x1f{identifier}".encode()).hexdigest()


def sign(statement: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return the signed certificate as JSON; the statement is signed in canonical form (sorted keys, no spaces)."""
    body = msgspec.json.encode(statement, order="deterministic")
    signature = base64.b64encode(key.sign(_CONTEXT + body)).decode()
    return msgspec.json.encode(Signed(msgspec.Raw(body), signature))


def completed(text: bytes, key: Ed25519PrivateKey, platforms: list[dict[str, str]], at: str) -> bytes:
    """Return a certificate anew with the platforms' last answers, and when the last of them came (RFC 3339).

    Raises `CertificateInvalid`: what was changed meanwhile is not signed again.
    """
    statement = verify_certificate(text, key.public_key())
    return sign(statement | {"platforms": platforms, "completed": at, "final": True}, key)


def verify_certificate(text: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """Return the statement of a certificate, however it is indented. Raises `CertificateInvalid`."""
    try:
        signed = msgspec.json.decode(text, type=Signed)
        statement: dict[str, Any] = msgspec.json.decode(signed.certificate, type=dict[str, Any])
        # Spaces may differ; the order of the keys, and every value, may not.
        body = bytes(msgspec.json.format(bytes(signed.certificate), indent=-1))
        signature = base64.b64decode(signed.signature, validate=True)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise CertificateInvalid("not a certificate") from None
    try:
        key.verify(signature, _CONTEXT + body)
    except InvalidSignature:
        raise CertificateInvalid("the certificate was changed, or another key signed it") from None
    return statement
