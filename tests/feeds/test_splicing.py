"""A file made of an earlier one is the file that would have been made anew, piece by piece."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from rekindle.feeds import _gzip
from rekindle.feeds.layout import Block, Layout
from rekindle.feeds.splicing import Edit, splice

Items = Mapping[int, bytes]
"""Text by id; empty for an item that is not published."""

HEAD = _gzip.pack(b"<head>")


def ends(identity: int) -> bool:
    return crc32(identity.to_bytes(4, "big")) % 4 == 0


def whole(items: Items) -> tuple[list[_gzip.Piece], Layout]:
    """Write a file as a full build does: a piece for each block."""
    pieces, blocks, block = [], array("I"), list[bytes]()
    lengths = array("I", [len(items[identity]) for identity in sorted(items)])
    closed = False
    for identity in sorted(items):
        block.append(items[identity])
        closed = ends(identity)
        if closed:
            pieces.append(_gzip.pack(b"".join(block)))
            blocks.extend((len(block), len(pieces[-1].plain), len(pieces[-1].packed)))
            block = []
    if block:
        pieces.append(_gzip.pack(b"".join(block)))
        blocks.extend((len(block), len(pieces[-1].plain), len(pieces[-1].packed)))
    head = Block(0, len(HEAD.plain), len(HEAD.packed))
    return pieces, Layout(head, lengths.tobytes(), blocks.tobytes(), closed, {}, "", [])


def reader(content: bytes) -> Callable[[int, int], bytes]:
    return lambda at, size: content[at : at + size]


def edits(old: Items, new: Items) -> list[Edit]:
    places = sorted(old)
    found = []
    for identity in sorted({*old, *new}):
        if old.get(identity) != new.get(identity):
            place = sum(known < identity for known in places)
            line = new.get(identity, b"")
            found.append(Edit(place, identity in old, line, identity not in new, ends(identity)))
    return found


CATALOGUE = st.dictionaries(st.integers(0, 60), st.sampled_from([b"", b"a\n", b"bb\n", b"c" * 50 + b"\n"]), max_size=40)


@given(CATALOGUE, CATALOGUE, st.booleans())
def test_it_is_the_same_file(old: Items, new: Items, near: bool) -> None:
    if near:
        new = {**old, **dict(list(new.items())[:4])}
        for identity in list(old)[1:3]:
            new.pop(identity)
    before, layout = whole(old)
    after, _ = whole(new)
    plain = b"".join((HEAD.plain, *(piece.plain for piece in before)))
    packed = b"".join((b"H" * _gzip.HEADER, HEAD.packed, *(piece.packed for piece in before)))
    made = list(splice(layout, reader(plain), reader(packed), edits(old, new)))
    assert b"".join(piece.plain for piece in made) == b"".join(piece.plain for piece in after)
    assert b"".join(piece.packed for piece in made) == b"".join(piece.packed for piece in after)


def test_what_did_not_change_is_taken_over_in_one_piece() -> None:
    items = {number: b"%d\n" % number for number in range(400)}
    before, layout = whole(items)
    plain = b"".join((HEAD.plain, *(piece.plain for piece in before)))
    packed = b"".join((b"H" * _gzip.HEADER, HEAD.packed, *(piece.packed for piece in before)))
    made = list(splice(layout, reader(plain), reader(packed), edits(items, {**items, 200: b"new\n"})))
    (anew,) = [piece for piece in made if piece.plain and piece.packed]
    assert len(anew.plain) < 200
    assert len(made) == 5
