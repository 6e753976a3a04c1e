"""A key tree whose leaves can be destroyed one by one: a puncturable pseudorandom function.

The construction of Goldreich, Goldwasser and Micali (1986), with sixteen children: a node's child is SHA-256 of the node
followed by its number, and a subject's key is the leaf at the subject's 64-bit path, 16 steps down. Whoever holds the
top can make every leaf, so a new subject costs no write at all. To destroy a leaf, the nodes beside its path are kept
and everything on the path is deleted: no remaining node leads there, and SHA-256 cannot be run backwards. Every input
has the same length, 33 bytes, so that nothing can be made by extending one.

Nodes are kept in families: the sixteen children of one place, 32 bytes each, zeros where one is not kept. Where a family
is kept, so is each family above it, with zeros on the way down. Destroying a leaf keeps one family for each step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container

DEPTH = 16
NODE = 32
FAMILY = 16 * NODE
_NOTHING = bytes(NODE)
_STEPS = {f"{number:x}": bytes((number,)) for number in range(16)}
_PLACES = {digit: slice(number * NODE, (number + 1) * NODE) for number, digit in enumerate(_STEPS)}


def leaf_path(subject: str, generation: int) -> str:
    """Return a subject's path as 16 digits. Two subjects share one with a probability of about n² / 2⁶⁵."""
    return hashlib.sha256(f"rekindle/vault/path\x1f{generation}\x1f{subject}".encode()).hexdigest()[:DEPTH]


def descend(node: bytes, steps: str) -> bytes:
    """Return the node ``steps`` below ``node``."""
    sha256, numbers = hashlib.sha256, _STEPS
    for step in steps:
        node = sha256(node + numbers[step]).digest()
    return node


def covering(families: Container[str], path: str) -> str:
    """Return the place of the lowest family kept on ``path``. ``families`` has the top's, whose place is ``""``."""
    depth = 1
    while depth < DEPTH and path[:depth] in families:
        depth += 1
    return path[: depth - 1]


def leaf(place: str, family: bytes, path: str, depth: int = DEPTH) -> bytes | None:
    """Return the leaf at ``path``, or the node ``depth`` steps down, from the family that covers it.

    None when it was destroyed.
    """
    here = len(place)
    node = family[_PLACES[path[here]]]
    return None if node == _NOTHING else descend(node, path[here + 1 : depth])


def without(place: str, family: bytes, path: str) -> dict[str, bytes]:
    """Return what replaces the family at ``place`` so that every leaf below it but ``path`` can still be made."""
    kept: dict[str, bytes] = {}
    for depth in range(len(place), DEPTH):
        here = _PLACES[path[depth]]
        node = family[here]
        kept[path[:depth]] = family[: here.start] + _NOTHING + family[here.stop :]
        family = b"".join(descend(node, step) for step in _STEPS)
    return kept
