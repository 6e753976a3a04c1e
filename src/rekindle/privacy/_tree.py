"""A key tree whose leaves can be destroyed one by one: a puncturable pseudorandom function.

The construction of Goldreich, Goldwasser and Micali (1986): a node's two children are SHA-256 of the node followed by
0 or 1, and a subject's key is the leaf at the subject's 64-bit path. Whoever holds the root can make every leaf, so a
new subject costs no write at all. To destroy a leaf, the nodes beside its path are kept and everything on the path
is deleted: no remaining node leads there, and SHA-256 cannot be run backwards. Every input has the same length, 33
bytes, so that nothing can be made by extending one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

DEPTH = 64
_STEP = {"0": b"\x00", "1": b"\x01"}


def leaf_path(subject: str, generation: int) -> str:
    """Return a subject's path as 64 digits. Two subjects share one with a probability of about n² / 2⁶⁵."""
    digest = hashlib.sha256(b"rekindle/vault/path\x1f%d\x1f" % generation + subject.encode()).digest()
    return f"{int.from_bytes(digest[:8]):064b}"


def descend(node: bytes, steps: str) -> bytes:
    """Return the node ``steps`` below ``node``."""
    for step in steps:
        node = hashlib.sha256(node + _STEP[step]).digest()
    return node


def covering(nodes: Mapping[str, bytes], path: str) -> str | None:
    """Return the path of the node above ``path``, or None when the leaf was destroyed. ``nodes`` has no overlaps."""
    if "" in nodes:
        return ""
    for depth in range(1, DEPTH + 1):
        if path[:depth] in nodes:
            return path[:depth]
    return None


def without(above: str, node: bytes, path: str) -> dict[str, bytes]:
    """Return what replaces the node at ``above`` so that every leaf below it but ``path`` can still be made."""
    kept: dict[str, bytes] = {}
    for depth in range(len(above), DEPTH):
        other = "1" if path[depth] == "0" else "0"
        kept[path[:depth] + other] = descend(node, other)
        node = descend(node, path[depth])
    return kept
