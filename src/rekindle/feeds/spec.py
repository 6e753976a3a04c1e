"""A channel's specification: dated data with a source for each fact, and the checks that are made from it."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Literal

import msgspec

Severity = Literal["block", "limit", "warning"]
"""``block``: the item is left out. ``limit``: the value is cut or left out, the item stays. ``warning``: nothing changes."""

Kind = Literal[
    "text", "html", "url", "price", "number", "enum", "gtin", "integer", "number_unit", "datetime", "datetime_range", "taxonomy", "group"
]  # fmt: skip

SEPARATOR = "\x1f"
"""Joins the values of a repeated attribute inside one text; the channel's writer takes them apart."""


class Reference(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where a fact was read."""

    id: str
    what: str
    url: str = ""


class Attribute(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One attribute of the channel.

    ``unless`` is an attribute that may stand in the place of a required one. ``max_length`` counts characters, for a repeated attribute of each value. ``too_long`` is what a longer value
    leads to. ``written`` is its name in the file where that is not ``name``; every channel's id is ``id`` here.
    ``verified`` is false for facts that were not seen in the platform's own text.
    """

    name: str
    type: Kind
    source: str
    required: bool = False
    unless: str = ""
    max_length: int | None = None
    too_long: Literal["cut", "drop", "block"] | None = None
    values: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    forbidden: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    repeated: bool = False
    max_values: int | None = None
    minimum: int | None = None
    plain: bool = False
    verified: bool = True
    written: str = ""
    note: str = ""

    @property
    def header(self) -> str:
        """The name in the file."""
        return self.written or self.name


class Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A check across attributes: ``when`` (the condition language) says that something is wrong."""

    code: str
    attribute: str
    when: str
    severity: Severity
    remedy: str
    source: str


class DeltaFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the platform takes files of only what changed. ``columns`` are the attributes it reads (all when empty).

    ``adds``: such a file may bring new items. None can remove one.
    """

    source: str
    columns: tuple[str, ...] = ()
    adds: bool = True
    note: str = ""


class Spec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One channel's specification as it stood at ``version`` (a date)."""

    channel: str
    version: str
    reference: tuple[Reference, ...]
    attribute: tuple[Attribute, ...]
    check: tuple[Rule, ...] = ()
    delta: DeltaFile | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes' names, in the order in which the channel writes them."""
        return tuple(attribute.name for attribute in self.attribute)

    def find(self, name: str) -> Attribute:
        """Return one attribute. Raises `LookupError`."""
        for attribute in self.attribute:
            if attribute.name == name:
                return attribute
        raise LookupError(f"{self.channel} has no attribute {name!r}")


def parse_spec(text: str) -> Spec:
    """Read a ``spec.toml``. Raises `ValueError` when a fact names no source or a name is there twice."""
    spec = msgspec.convert(tomllib.loads(text), Spec)
    known = {reference.id for reference in spec.reference}
    seen: set[str] = set()
    facts = [(attribute.name, attribute.source) for attribute in spec.attribute]
    facts += [(check.code, check.source) for check in spec.check]
    if spec.delta is not None:
        facts.append(("delta", spec.delta.source))
    for name, source in facts:
        if source not in known:
            raise ValueError(f"{spec.channel}: {name} names the source {source!r}, which is not in the list")
    if "id" not in spec.names:
        raise ValueError(f"{spec.channel} has no attribute id; give the one that names an item that name")
    for attribute in spec.attribute:
        if attribute.name in seen:
            raise ValueError(f"{spec.channel}: attribute {attribute.name} is there twice")
        seen.add(attribute.name)
    return spec


def load_spec(package: str) -> Spec:
    """Read ``spec.toml`` of a channel's package."""
    return parse_spec(files(package).joinpath("spec.toml").read_text("utf-8"))
