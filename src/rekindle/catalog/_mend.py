"""Mend the text of a file while it is copied: control characters, bare ``&``, HTML entities, a missing namespace."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

import msgspec

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_AMPERSAND = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]{1,30});)?"
)
_OPEN, _CLOSE = "<![CDATA[", "]]>"
_TAIL = 40


class Mended(msgspec.Struct):
    """How often each repair was made; ``first`` is the line of the first one, by issue code."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    first: dict[str, str] = msgspec.field(default_factory=dict)

    def note(self, code: str, where: str) -> None:
        self.counts[code] = self.counts.get(code, 0) + 1
        self.first.setdefault(code, where)


def without_controls(blocks: Iterable[str], mended: Mended) -> Iterator[str]:
    """Yield the text without characters that XML forbids and no shop means."""
    line = 1
    for block in blocks:
        if _CONTROL.search(block):
            for found in _CONTROL.finditer(block):
                mended.note("control-character", f"line {line + block.count(chr(10), 0, found.start())}")
            line += block.count("\n")
            yield _CONTROL.sub("", block)
        else:
            line += block.count("\n")
            yield block


def xml_ampersands(blocks: Iterable[str], mended: Mended) -> Iterator[str]:
    """Yield XML in which every ``&`` begins something XML knows. CDATA sections stay as they are."""
    line = 1
    inside = False
    rest = ""
    for block in _and_end(blocks):
        text = rest + (block or "")
        rest = ""
        out: list[str] = []
        while text:
            mark = _CLOSE if inside else _OPEN
            at = text.find(mark)
            if at < 0:
                keep = 0 if block is None else _kept(text, inside=inside)
                part, rest = text[: len(text) - keep], text[len(text) - keep :]
                text = ""
            else:
                part, text = text[: at + len(mark)], text[at + len(mark) :]
            out.append(part if inside else _escape(part, line, mended))
            line += part.count("\n")
            if at >= 0:
                inside = not inside
        yield "".join(out)


def _kept(text: str, *, inside: bool) -> int:
    """Return how many characters at the end may belong to something that goes on in the next block."""
    if inside:
        return min(len(text), len(_CLOSE) - 1)
    tail = text[-_TAIL:]
    starts = [at for at in (tail.rfind("&"), tail.rfind("<")) if at >= 0]
    return len(tail) - min(starts) if starts else 0


def _and_end(blocks: Iterable[str]) -> Iterator[str | None]:
    yield from blocks
    yield None


def _escape(part: str, line: int, mended: Mended) -> str:
    def replace(found: re.Match[str]) -> str:
        number, name = found[1], found[2]
        if number is not None:
            value = int(number[1:], 16) if number[0] in "xX" else int(number)
            if _is_xml_character(value):
                return found[0]
            mended.note("control-character", f"line {line + part.count(chr(10), 0, found.start())}: {found[0]}")
            return ""
        where = f"line {line + part.count(chr(10), 0, found.start())}: {part[found.start() : found.start() + 40]}"
        if name is not None:
            known = html.unescape(f"&{name};")
            if known != f"&{name};":
                mended.note("html-entity", where)
                return html.escape(known)
            mended.note("unescaped-ampersand", where)
            return f"&amp;{name};"
        mended.note("unescaped-ampersand", where)
        return "&amp;"

    return _AMPERSAND.sub(replace, part) if "&" in part else part


def declare_namespace(blocks: Iterable[str], prefix: str, uri: str) -> Iterator[str]:
    """Yield XML whose first element also declares ``prefix``."""
    done = False
    for block in blocks:
        if not done and (found := re.search(r"<[A-Za-z][\w:.-]*", block)):
            done = True
            end = found.end()
            rest = re.sub(rf"""\s+xmlns:{re.escape(prefix)}\s*=\s*(?:''|\"\")""", "", block[end:], count=1)
            yield f'{block[:end]} xmlns:{prefix}="{uri}"{rest}'
        else:
            yield block


def _is_xml_character(value: int) -> bool:
    """Follow XML 1.0, production 2 (Char)."""
    return value in (9, 10, 13) or 0x20 <= value < 0xD800 or 0xE000 <= value < 0xFFFE or 0x10000 <= value <= 0x10FFFF
