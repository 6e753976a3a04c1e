"""A file made of an earlier one is the file that would have been made anew, piece by piece."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from rekindle.feeds import _gzip
from rekindle.feeds.layout import Layout
from rekindle.feeds.splicing import Edit, Run, Splice

Items = Mapping[int, bytes]
"""Text by id; empty for an item that is not published."""

HEAD, TAIL = _gzip.pack(b"<head>"), _gzip.pack(b"<tail>")


def ends(identity: int, line: bytes) -> bool:
    return bool(line) and crc32(identity.to_bytes(4, "big")) % 4 == 0


def whole(items: Items) -> tuple[list[_gzip.Piece], bool]:
    """Write a file as a full build does: a piece for each block; and whether the last one is closed."""
    pieces, block, closed = [], list[bytes](), False
    for identity in sorted(items):
        block.append(items[identity])
        if ends(identity, items[identity]):
            pieces.append(_gzip.pack(b"".join(block)))
            block, closed = [], True
    if any(block):
        pieces.append(_gzip.pack(b"".join(block)))
        closed = False
    return pieces, closed


def layout_of(pieces: list[_gzip.Piece], lengths: list[int], closed: bool) -> Layout:
    blocks = array("I")
    for piece in (HEAD, *pieces, TAIL):
        blocks.extend((len(piece.plain), len(piece.packed), piece.crc))
    return Layout(array("I", lengths).tobytes(), blocks.tobytes(), closed, {}, "", 0, [])


def reader(pieces: list[_gzip.Piece]) -> Callable[[int, int], bytes]:
    content = b"".join(piece.packed for piece in (HEAD, *pieces, TAIL))
    return lambda at, size: content[at : at + size]


def edits(first: list[int], old: Items, new: Items) -> list[Edit]:
    """Return what stands at the places of the first catalogue that differ."""

    def at(place: int, items: Items) -> list[tuple[bytes, bool]]:
        low = first[place - 1] if place else -1
        high = first[place] if place < len(first) else 1 << 30
        return [(items[each], ends(each, items[each])) for each in sorted(items) if low < each <= high]

    return [Edit(place, at(place, new)) for place in range(len(first) + 1) if at(place, old) != at(place, new)]


def taken(pieces: list[_gzip.Piece], made: list[_gzip.Piece | Run]) -> list[_gzip.Piece]:
    """Return the pieces of a file that was made of another one."""
    read = reader(pieces)
    found = []
    for each in made:
        if isinstance(each, _gzip.Piece):
            found.append(each)
            continue
        at = each.start
        for block in each.blocks:
            packed = read(at, block.packed)
            found.append(_gzip.Piece(_gzip.unpack(packed), packed, block.crc))
            at += block.packed
        assert at == each.stop
    return found


CATALOGUE = st.dictionaries(st.integers(0, 60), st.sampled_from([b"", b"a\n", b"bb\n", b"c" * 50 + b"\n"]), max_size=40)


@given(CATALOGUE, st.lists(CATALOGUE, min_size=1, max_size=3), st.booleans())
def test_it_is_the_same_file(first: Items, states: list[Items], near: bool) -> None:
    """Over several builds, each on the one before."""
    pieces, closed = whole(first)
    places, old = sorted(first), first
    layout = layout_of(pieces, [*(len(first[each]) for each in places), 0], closed)
    for state in states:
        new = state
        if near:
            new = {**old, **dict(list(state.items())[:4])}
            for identity in list(old)[1:3]:
                new.pop(identity)
        splice = Splice(layout, reader(pieces))
        pieces = taken(pieces, list(splice.pieces(edits(places, old, new))))
        wanted, closed = whole(new)
        assert pieces == wanted
        assert not wanted or splice.closed == closed
        assert sum(splice.lengths) == sum(map(len, new.values()))
        layout = layout_of(pieces, list(splice.lengths), splice.closed)
        old = new


def test_what_did_not_change_is_taken_over_in_one_piece() -> None:
    items = {number: b"%d\n" % number for number in range(400)}
    pieces, closed = whole(items)
    splice = Splice(layout_of(pieces, [*map(len, items.values()), 0], closed), reader(pieces))
    before, anew, after = splice.pieces(edits(sorted(items), items, {**items, 200: b"new\n"}))
    assert isinstance(anew, _gzip.Piece)
    assert len(anew.plain) < 200
    assert isinstance(before, Run)
    assert isinstance(after, Run)
    assert len(before.blocks) + len(after.blocks) == len(pieces) - 1
