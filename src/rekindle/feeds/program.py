"""A feed compiled: from a snapshot's rows through mapping, rules and checks to what is published, as one relation."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Literal

import duckdb
import msgspec

from rekindle.feeds import _sql, _types, checks
from rekindle.feeds.channel import Channel, configured
from rekindle.feeds.checks import Check, compile_checks
from rekindle.feeds.rules import PRODUCT_FIELDS, Layer, applied, compile_rules
from rekindle.feeds.spec import SEPARATOR
from rekindle.workspace import Feed, FeedRule

PUBLISHED, EXCLUDED, BLOCKED, GONE = 0, 1, 2, 3
"""What became of an item: column ``_state``; ``GONE`` is one of an earlier build that the catalogue has no more."""

_REVISION = "4"
"""Raise when mapping, cleaning or writing changes, so that every feed is built anew."""

_LISTS = frozenset({"additional_image_links", "custom_labels"})
_WHOLE = frozenset(PRODUCT_FIELDS) - _LISTS
"""Mappings that take a field as it is."""


class Program(msgspec.Struct, frozen=True):
    """Stages of a feed. Relations are SQL texts; each stage takes the one before.

    Columns that begin with ``_`` are ours: ``_id`` (the product's id), ``_row``, ``_file`` (where it was read), ``_hash`` (a fingerprint of the
    product), ``_rule`` (number of the excluding rule or NULL), and after `checked` ``_state`` and ``_f0``, ``_f1`` … (which checks found something). ``clean`` says that the
    products' texts hold no control characters and no outer blanks, ``absent`` are attributes that no product has of its own.
    """

    channel: Channel
    layers: Sequence[Layer]
    checks: Sequence[Check]
    clean: bool = False
    absent: frozenset[str] = frozenset()

    def over(self, snapshot: Path) -> Program:
        """Return the program for a snapshot: what its maker cleaned is not cleaned again."""
        return msgspec.structs.replace(self, clean=_sql.is_clean(snapshot))

    def without(self, present: Container[str]) -> Program:
        """Return the program for products that have, beside fields, only these attributes: others need no work."""
        absent = frozenset(n for n in self.channel.spec.names if n not in self.channel.mapping and n not in present)
        return msgspec.structs.replace(self, absent=absent)

    def mapped(self, products: str) -> str:
        """Return products (the columns of `model.ports.Snapshot`) as attributes of the channel."""
        names = self.channel.spec.names
        columns = [f"CAST({self._source(name)} AS VARCHAR) AS {_sql.name(name)}" for name in names]
        for field in PRODUCT_FIELDS:
            value = f"array_to_string({field}, {_sql.text(SEPARATOR)})" if field in _LISTS else field
            columns.append(f"CAST({value} AS VARCHAR) AS {_sql.name(f'product.{field}')}")
        own = 'attributes AS "product.attributes", id AS _id, "row" AS _row, source AS _file'
        own += f", {fingerprint()} AS _hash, NULL::INTEGER AS _rule"
        return f"SELECT {', '.join(columns)}, {own} FROM {products}"

    def _source(self, name: str) -> str:
        if name in self.absent:
            return "NULL"
        return self.channel.mapping.get(name) or f"attributes[{_sql.text(name)}]"

    def ruled(self, relation: str, upto: int | None = None) -> str:
        """Return ``mapped`` rows after the first ``upto`` rules, or all."""
        return applied(self.layers[:upto], relation)

    def cleaned(self, relation: str) -> str:
        """Return the rows without control characters and outer blanks, enumerations in the channel's spelling."""
        steps = [(a.name, _types.clean(a, self._trusted(a.name))) for a in self.channel.spec.attribute]
        for number in range(3):
            columns = [f"{each[number]} AS {_sql.name(name)}" for name, each in steps]
            relation = f"SELECT {', '.join(columns)}, _id, _row, _file, _hash, _rule FROM ({relation})"
        return relation

    def _trusted(self, name: str) -> Literal["no", "text", "whole"]:
        """Return what a clean snapshot's value still is after mapping and rules; a mapping may cut off text."""
        if not self.clean or any(layer.attribute == name for layer in self.layers):
            return "no"
        mapping = self.channel.mapping.get(name)
        return "whole" if mapping is None or mapping in _WHOLE else "text"

    def faulted(self, relation: str) -> str:
        """Return ``cleaned`` rows with what the checks found; rows that a rule excludes are not checked."""
        words = checks.masks(list(self.checks))
        bits = [f"CASE WHEN _rule IS NULL THEN {word} ELSE 0 END AS _f{number}" for number, word in enumerate(words)]
        return f"SELECT *, {', '.join(bits)} FROM ({relation})"

    def checked(self, relation: str) -> str:
        """Return ``faulted`` rows as they are published: values cut or left out where a check says so."""
        fixed = []
        for attribute in self.channel.spec.attribute:
            column = _sql.name(attribute.name)
            cut = checks.found(list(self.checks), "cut", attribute=attribute.name)
            drop = checks.found(list(self.checks), "drop", attribute=attribute.name)
            cases = ""
            if drop != "FALSE":
                cases += f" WHEN {drop} THEN NULL"
            if cut != "FALSE":
                cases += f" WHEN {cut} THEN {_types.cut(attribute)}"
            if cases:
                fixed.append(f"CASE{cases} ELSE {column} END AS {column}")
        blocked = checks.found(list(self.checks), "block")
        state = f"CASE WHEN _rule IS NOT NULL THEN {EXCLUDED} WHEN {blocked} THEN {BLOCKED} ELSE {PUBLISHED} END"
        replace = f" REPLACE ({', '.join(fixed)})" if fixed else ""
        return f"SELECT *{replace}, CAST({state} AS UTINYINT) AS _state FROM ({relation})"

    def before_checks(self, products: str) -> str:
        """Return products as the checks see them."""
        return self.cleaned(self.ruled(self.mapped(products)))

    def items(self, products: str) -> str:
        """Return products as they are published, excluded and blocked ones included and marked."""
        return self.checked(self.faulted(self.before_checks(products)))


def fingerprint(table: str = "") -> str:
    """Return SQL that tells products apart by everything but where they were read.

    It is good for one version of the table engine, which `basis` names. ``table`` is the relation's name and a point.
    """
    return f"hash({', '.join(table + name for name in (*PRODUCT_FIELDS, 'attributes'))})"


def compile_feed(feed: Feed) -> Program:
    """Compile a feed's document. Raises `UnknownChannel`, `RuleError`."""
    found = configured(feed)
    return Program(found, compile_rules(found.spec, feed.rule), compile_checks(found.spec))


def recipe(feed: Feed, snapshot_digest: str) -> str:
    """Return a digest of everything that decides a file's bytes: snapshot, rules, specification, our own revision."""
    chosen = configured(feed)
    parts = (
        _REVISION,
        snapshot_digest,
        chosen.name,
        msgspec.json.encode(chosen.mapping, order="deterministic").decode(),
        msgspec.json.encode(chosen.spec, order="deterministic").decode(),
        msgspec.json.encode(list[FeedRule](feed.rule), order="deterministic").decode(),
    )
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def basis(feed: Feed) -> str:
    """Return a digest of what makes items of products: rules, specification, our revision, the engine's version."""
    return recipe(feed, f"duckdb {duckdb.__version__}")
