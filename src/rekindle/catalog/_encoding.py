"""Find out what encoding a file really has; what it says of itself is only a hint."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

import charset_normalizer
import msgspec

_CHUNK = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CONTROLS: Final = bytes({*range(0x20)} - {9, 10, 13})
_BEYOND_ASCII: Final = bytes(range(0x80, 0x100))
# A reference to a character that XML forbids (``&#x1;``) stops a parser like a bare ``&`` does.
_AMPERSAND = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos"
    rb"|#0*(?:9|1[03]|3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[1-4][0-9]{4})"
    rb"|#x0*(?:[9adAD]|[2-9a-fA-F][0-9a-fA-F]|[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-cA-C][0-9a-fA-F]{3}|1[fF][0-9a-fA-F]{3}));)"
)

# The letters beyond ASCII that a language writes. A legacy file is in the code page that turns its bytes into letters
# of one language, in the order of preference here.
_ALPHABETS: Final = {
    "cp1250": ("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽľĺŕôäĽĹŔÔÄ", "áéíóöőúüűÁÉÍÓÖŐÚÜŰ", "ăâîşţĂÂÎŞŢ"),
    "cp1252": (
        "äöüßÄÖÜ",
        "àâçéèêëîïôùûœæÀÂÇÉÈÊËÎÏÔÙÛŒÆ",
        "áéíñóúüÁÉÍÑÓÚÜ¿¡",
        "åäöæøÅÄÖÆØé",
        "ãõáéíóúâêôçàÃÕÁÉÍÓÚÂÊÔÇÀ",
    ),
    "iso-8859-2": ("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽľĺŕôäĽĹŔÔÄ"),
    "cp1251": ("".join(chr(n) for n in range(0x410, 0x450)) + "ёЁіІїЇєЄґҐ",),
}
_TYPOGRAPHY: Final = frozenset("„”“’‘«»–—…•®©™°€£§\u00a0²³½×µ·")


class Finding(msgspec.Struct, frozen=True):
    """What a look at the bytes says.

    ``bom`` is its length; ``damaged`` counts bytes that are not of ``encoding``; ``declared`` is what the XML
    declaration claims; ``surprise`` is an issue code when claim and bytes disagree.
    """

    encoding: str
    bom: int
    declared: str | None
    damaged: int
    surprise: str | None
    controls: bool
    ampersands: bool


def examine(path: Path) -> Finding:
    """Read the file once and say how to decode it; memory is bounded by the chunk."""
    with path.open("rb") as file:
        head = file.read(_CHUNK)
    match = _DECLARED.search(head[:1024])
    declared = _known(match[1].decode("ascii")) if match else None
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            if encoding == "utf-8":
                break
            return Finding(encoding, len(mark), declared, 0, None, controls=True, ampersands=True)
    else:
        if (wide := _without_bom(head)) is not None:
            return Finding(wide, 0, declared, 0, "utf16-without-bom", controls=True, ampersands=True)
    bom = 0
    while head.startswith(codecs.BOM_UTF8, bom):  # a file with a mark that is saved with a mark has two
        bom += len(codecs.BOM_UTF8)
    good, bad, controls, ampersands = _scan(path)
    if bad == 0:
        lie = declared not in (None, "utf-8", "ascii") and good > 0
        return Finding("utf-8", bom, declared, 0, "encoding-is-utf8" if lie else None, controls, ampersands)
    if bom == 0 and declared not in (None, "utf-8", "ascii"):
        return Finding(str(declared), 0, declared, 0, None, controls, ampersands)
    if bom or bad * 20 <= good:
        return Finding("utf-8", bom, declared, bad, "damaged-characters", controls, ampersands)
    return Finding(_legacy(path), 0, declared, 0, "encoding-guessed", controls, ampersands)


def _known(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _without_bom(head: bytes) -> str | None:
    sample = head[:2000]
    if len(sample) < 4 or sample.count(0) * 4 < len(sample):
        return None
    return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"


def _scan(path: Path) -> tuple[int, int, bool, bool]:
    """Return valid characters beyond ASCII, bytes that are no UTF-8, and whether there are controls and bare ``&``."""
    good = bad = 0
    controls = ampersands = False
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            if not block.isascii() or decoder.getstate()[0]:
                fine, wrong = _tally(block, decoder.decode(block))
                good, bad = good + fine, bad + wrong
            # Leaving bytes out is many times faster than searching for a class of them.
            controls = controls or len(block.translate(None, _CONTROLS)) < len(block)
            if not ampersands:
                joined = tail + block
                cut = joined.rfind(b"&", len(joined) - 12)
                whole, tail = (joined, b"") if cut < 0 else (joined[:cut], joined[cut:])
                ampersands = _AMPERSAND.search(whole) is not None
    fine, wrong = _tally(b"", decoder.decode(b"", final=True))
    return good + fine, bad + wrong, controls, ampersands or _AMPERSAND.search(tail) is not None


def _tally(block: bytes, text: str) -> tuple[int, int]:
    """Return the characters beyond ASCII and the bytes that are none, of a block and the text it was decoded to."""
    beyond = len(text) - len(block.translate(None, _BEYOND_ASCII))
    try:
        text.encode()
    except UnicodeEncodeError:
        wrong = sum(map(len, re.findall(r"[\udc80-\udcff]+", text)))
        return beyond - wrong, wrong
    return beyond, 0


def _legacy(path: Path) -> str:
    """Guess a one-byte code page from a sample of the lines that need one."""
    sample = bytearray()
    with path.open("rb") as file:
        while len(sample) < 200_000 and (line := file.readline(65_536)):
            if not line.isascii():
                sample += line
    best, share = "", 0.0
    for encoding, alphabets in _ALPHABETS.items():
        try:
            text = bytes(sample).decode(encoding)
        except UnicodeDecodeError:
            continue
        beyond = [character for character in text if character > "\x7f"]
        letters = [character for character in beyond if character not in _TYPOGRAPHY]
        for alphabet in alphabets:
            inside = sum(character in alphabet for character in letters)
            score = inside / len(letters) if letters else 0.0
            if score > share + 0.01:
                best, share = encoding, score
    if share >= 0.9:
        return best
    found = charset_normalizer.from_bytes(bytes(sample)).best()
    return found.encoding if found else (best or "cp1252")
