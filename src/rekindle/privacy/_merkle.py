"""Merkle tree hashing of RFC 6962, section 2.1: roots, proofs and their verification, nothing else imported."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()
_SIZE = 32


class ProofInvalid(Exception):
    """The proof does not lead to the root."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree that keeps only the roots of its full subtrees, largest first: one for each bit of the size."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    @classmethod
    def restore(cls, size: int, peaks: bytes) -> Tree:
        """Rebuild from the stored size and peaks."""
        tree = cls()
        tree.size = size
        tree.peaks = [peaks[at : at + _SIZE] for at in range(0, len(peaks), _SIZE)]
        return tree

    def append(self, data: bytes) -> bytes:
        """Add a leaf; return its hash."""
        digest = leaf_hash(data)
        self.add(digest)
        return digest

    def add(self, digest: bytes) -> None:
        """Add a leaf that is hashed already."""
        size, top = self.size, digest
        while size & 1:
            top = node_hash(self.peaks.pop(), top)
            size >>= 1
        self.peaks.append(top)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of what is there."""
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    tree = Tree()
    for digest in hashes:
        tree.add(digest)
    return tree.root()


Range = Callable[[int, int], bytes]
"""Returns the root over the leaves from the first (inclusive) to the second number (exclusive)."""


def inclusion(index: int, size: int, root: Range) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(root(split, end))
            end = split
        else:
            path.append(root(start, split))
            start = split
    return path[::-1]


def consistency(old: int, size: int, root: Range) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is a prefix of that of ``size`` leaves (RFC 6962, 2.1.2)."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {old} is no prefix of one of {size}")
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            path.append(root(split, end))
            end = split
        else:
            path.append(root(start, split))
            start, whole = split, False
    if not whole:
        path.append(root(start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check an audit path (RFC 9162, 2.1.3.2). ``leaf`` is the leaf's hash. Raises `ProofInvalid`."""
    if not 0 <= index < size:
        raise ProofInvalid("the leaf is not in the tree")
    place, last, digest = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if place & 1 or place == last:
            digest = node_hash(step, digest)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            digest = node_hash(digest, step)
        place, last = place >> 1, last >> 1
    if last != 0 or digest != root:
        raise ProofInvalid("the proof does not lead to the root")


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the older tree is a prefix of the newer (RFC 9162, 2.1.4.2). Raises `ProofInvalid`."""
    if old == size:
        if proof or old_root != root:
            raise ProofInvalid("two roots for one size")
        return
    if not 0 < old < size or not proof:
        raise ProofInvalid("the proof is empty or the sizes are out of order")
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if place & 1 or place == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        place, last = place >> 1, last >> 1
    if last != 0 or older != old_root or newer != root:
        raise ProofInvalid("the older tree is not a prefix of the newer")


def _split(size: int) -> int:
    """Return the largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1
