"""Read XML one item at a time: no entities, no network, memory of one item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

from lxml import etree

from rekindle.catalog.report import Report, refuse
from rekindle.catalog.row import Prepared

_CHUNK = 1 << 16
_PATIENCE = 64 << 20
_PLACE = re.compile(r"(?: line \d+)?, line \d+, column \d+$")

Element = Any  # lxml's stubs name a private class


def elements(prepared: Prepared, names: Sequence[str], report: Report) -> Iterator[Element]:
    """Yield each element whose local name is one of ``names``, whole; it is emptied after the next step.

    Where the XML breaks, the elements before stay read and the report is cut short. Raises `Refused` when nothing of
    that name comes within 64 MiB, because what is not an item would fill the memory.
    """
    with prepared.path.open("rb") as file:
        yield from streamed(file, names, report, prepared.name)


def streamed(file: IO[bytes], names: Sequence[str], report: Report, place: str) -> Iterator[Element]:
    """Yield the elements of an open file, as `elements` does; ``place`` is what to call it in messages."""
    tags = [f"{{*}}{name}" for name in names]
    parser = etree.XMLPullParser(
        events=("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    quiet = whole = 0
    try:
        while block := file.read(_CHUNK):
            parser.feed(block)
            found = False
            event: Element
            for event in parser.read_events():
                element = event[1]
                found = True
                whole += 1
                if whole == 1 and element.getroottree().docinfo.internalDTD is not None:
                    raise refuse("xml-entities", "remove the document type; entities are never read", "<!DOCTYPE")
                yield element
                _forget(element)
            quiet = 0 if found else quiet + len(block)
            if quiet > _PATIENCE:
                raise refuse("no-items", f"no <{names[0]}> within {_PATIENCE >> 20} MiB", place)
        parser.close()
    except etree.XMLSyntaxError as error:
        for _, element in _remaining(parser):
            whole += 1
            yield element
            _forget(element)
        _explain(error, f"after {whole} whole <{names[0]}>", file.read(1) == b"", report)


def _remaining(parser: Any) -> list[tuple[str, Element]]:
    try:
        return list(parser.read_events())
    except etree.XMLSyntaxError:
        return []


def _explain(error: etree.XMLSyntaxError, after: str, at_end: bool, report: Report) -> None:
    line, column = error.position
    what = _PLACE.sub("", str(error.msg))  # the parser says it too, and of the line of the opening tag
    value = f"line {line}, column {column}, {after}: {what}"
    if at_end and ("Premature end" in str(error.msg) or "EndTag" in str(error.msg) or "not closed" in str(error.msg)):
        report.cut_short("xml-truncated", "the file ends too early; publish it again, whole", value=value)
    else:
        report.cut_short("xml-broken", "repair the XML at this place; nothing behind it was read", value=value)


def _forget(element: Element) -> None:
    element.clear()
    while element.getprevious() is not None:
        parent = element.getparent()
        if parent is None:
            return
        del parent[0]


def local(element: Element) -> str:
    """Return the element's name without namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def text_of(element: Element | None) -> str:
    """Return the text inside, its children's included, without surrounding white space."""
    return "" if element is None else "".join(element.itertext()).strip()


def child(element: Element, name: str) -> Element | None:
    """Return the first child of that local name, in any namespace."""
    return element.find(f"{{*}}{name}")
