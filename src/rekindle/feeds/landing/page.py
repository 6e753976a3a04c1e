"""A landing page as it arrived: its text, what it says of itself, and the things that its markup tells of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin

import msgspec
from lxml import etree

from rekindle.feeds.landing import elements, jsonld
from rekindle.feeds.landing.things import Purse, Thing

_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-zA-Z0-9_.:-]{2,40})""", re.I)
_SNIFFED_BYTES = 2048
_TITLE = 200
_BLANKS = re.compile(r"\s+")


class Page(msgspec.Struct):
    """``canonical`` is absolute; ``hidden`` says that search engines may not list it; ``faults`` are codes."""

    title: str
    heading: str
    canonical: str | None
    hidden: bool
    things: Sequence[Thing]
    faults: Sequence[str]


def read(body: bytes, url: str, headers: Mapping[str, str]) -> Page:
    """Read a page of HTML; there is none that cannot be read, but many that say nothing. Header names are lower case."""
    purse = Purse()
    root = _root(_text(body, headers.get("content-type", "")))
    if root is None:
        return Page("", "", None, _forbids(headers.get("x-robots-tag", "")), (), ())
    scripts = [
        script.text or ""
        for script in root.iter("script")
        if (script.get("type") or "").split(";")[0].strip().lower() == "application/ld+json"
    ]
    things, faults = jsonld.read(scripts, purse)
    for dialect in elements.DIALECTS:
        things += elements.read(root, dialect, purse)
    graph = elements.opengraph(root)
    if graph is not None:
        things.append(graph)
    return Page(
        _first(root, "title"), _first(root, "h1"), _canonical(root, url),
        _forbids(headers.get("x-robots-tag", "")) or any(map(_forbids, _robots(root))), things, faults,
    )  # fmt: skip


def _text(body: bytes, content_type: str) -> str:
    """Decode as browsers do: byte-order mark, then the header, then the page itself, then UTF-8."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    told = re.search(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", content_type, re.I)
    inside = _DECLARED.search(body[:_SNIFFED_BYTES])
    for name in (told[1] if told else "", inside[1].decode("ascii") if inside else "", "utf-8"):
        try:
            if name:
                return body.decode("cp1252" if name.lower() in ("iso-8859-1", "latin1", "latin-1") else name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return body.decode("utf-8", "replace")


def _root(text: str) -> etree._Element | None:
    parser = etree.HTMLParser(
        encoding="utf-8", recover=True, no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    clean = text.replace("\0", "").encode("utf-8", "replace")
    try:
        return etree.fromstring(clean, parser) if clean.strip() else None
    except etree.XMLSyntaxError:
        return None


def _first(root: etree._Element, tag: str) -> str:
    element = next(root.iter(tag), None)
    text = "" if element is None else elements.text_of(element)
    return _BLANKS.sub(" ", text).strip()[:_TITLE]


def _canonical(root: etree._Element, url: str) -> str | None:
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and (link.get("href") or "").strip():
            try:
                return urljoin(url, str(link.get("href")).strip())
            except ValueError:
                return None
    return None


def _robots(root: etree._Element) -> list[str]:
    names = ("robots", "googlebot")
    return [str(meta.get("content") or "") for meta in root.iter("meta") if (meta.get("name") or "").lower() in names]


def _forbids(rules: str) -> bool:
    """Tell whether rules for robots say ``noindex``; one that is for a named robot alone counts for Google's only."""
    for rule in rules.lower().split(","):
        robot, named, what = rule.rpartition(":")
        if what.strip() in ("noindex", "none") and (not named or robot.strip() in ("googlebot", "robots")):
            return True
    return False
