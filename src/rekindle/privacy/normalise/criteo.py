"""Criteo events and audiences: three hashes of one address, each under its own key.

MD5 is what Criteo's interface asks for; it protects nothing, and nothing here relies on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from rekindle.privacy.normalise import steps
from rekindle.privacy.normalise.rules import Platform, Rule, sha256


def _hashes(normal: str) -> Mapping[str, str]:
    md5 = hashlib.md5(normal.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return {"md5": md5, "sha256": sha256(normal), "sha256_md5": sha256(md5)}


PLATFORM = Platform("criteo", "Events s2s v0", {"email": Rule(steps.email)}, extra=_hashes)
digest = PLATFORM.digest
