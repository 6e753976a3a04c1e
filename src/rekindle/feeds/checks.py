"""Checks made from a specification, as SQL that is TRUE where an item is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from rekindle.feeds import _sql, _types
from rekindle.feeds.conditions import compile_condition
from rekindle.feeds.rules import resolver
from rekindle.feeds.spec import SEPARATOR, Attribute, Severity, Spec

WORD = 60
"""Checks per bit mask: DuckDB's BIGINT holds 63."""


class Check(msgspec.Struct, frozen=True):
    """One thing that may be wrong with one attribute. ``act`` is what the build does about it."""

    code: str
    attribute: str
    severity: Severity
    remedy: str
    fault: str
    act: Literal["block", "cut", "drop", "keep"]


def compile_checks(spec: Spec) -> list[Check]:
    """Return a specification's checks in a fixed order. Raises `ConditionError` for a faulty one."""
    found: list[Check] = []
    for attribute in spec.attribute:
        found.extend(_of(attribute))
    resolve = resolver(spec)
    acts: dict[Severity, Literal["block", "drop", "keep"]] = {"block": "block", "limit": "drop", "warning": "keep"}
    for rule in spec.check:
        fault = compile_condition(rule.when, resolve)
        found.append(Check(rule.code, rule.attribute, rule.severity, rule.remedy, fault, acts[rule.severity]))
    return found


def _of(attribute: Attribute) -> Iterator[Check]:
    column = _sql.name(attribute.name)
    if attribute.required:
        remedy = f"Every item needs {attribute.name}. Fill it in the source, or set a default with a rule."
        other = f" AND {_sql.name(attribute.unless)} IS NULL" if attribute.unless else ""
        yield Check("missing", attribute.name, "block", remedy, f"({column} IS NULL{other})", "block")
    if attribute.max_length is not None:
        yield _too_long(attribute, attribute.max_length)
    if attribute.max_values is not None:
        yield Check(
            "too-many-values", attribute.name, "limit", f"At most {attribute.max_values}; the rest is left out.",
            f"coalesce(len(string_split({column}, {_sql.text(SEPARATOR)})) > {attribute.max_values}, FALSE)", "cut",
        )  # fmt: skip
    if attribute.forbidden:
        values = ", ".join(_sql.text(value.lower()) for value in attribute.forbidden)
        yield Check(
            "forbidden-value", attribute.name, "limit", "The platform refuses this placeholder; it is left out.",
            f"coalesce(list_contains([{values}], lower({column})), FALSE)", "drop",
        )  # fmt: skip
    for fault in _types.faults(attribute):
        if fault.warns:
            yield Check(fault.code, attribute.name, "warning", fault.remedy, fault.sql, "keep")
        elif attribute.required:
            yield Check(fault.code, attribute.name, "block", fault.remedy, fault.sql, "block")
        else:
            remedy = f"{fault.remedy} The value is left out."
            yield Check(fault.code, attribute.name, "limit", remedy, fault.sql, "drop")


def _too_long(attribute: Attribute, limit: int) -> Check:
    column = _sql.name(attribute.name)
    fault = f"coalesce(length({column}) > {limit}, FALSE)"
    if attribute.repeated:
        longest = f"list_max(list_transform(string_split({column}, {_sql.text(SEPARATOR)}), lambda v: length(v)))"
        fault = f"CASE WHEN {fault} THEN {longest} > {limit} ELSE FALSE END"
    act: Literal["cut", "drop", "block"] = attribute.too_long or ("cut" if attribute.type == "text" else "drop")
    if act == "drop" and attribute.required:
        act = "block"
    done = {"cut": "it is cut there", "drop": "it is left out", "block": "the item is left out"}[act]
    remedy = f"At most {limit:,} characters; {done}. Shorten it in the source or with a rule."
    return Check("too-long", attribute.name, "block" if act == "block" else "limit", remedy, fault, act)


def masks(checks: list[Check]) -> list[str]:
    """Return one SQL expression per `WORD` checks: a number with a bit set for each check that found something."""
    words = []
    for start in range(0, len(checks), WORD):
        bits = [
            f"CASE WHEN {check.fault} THEN {1 << bit}::BIGINT ELSE 0 END"
            for bit, check in enumerate(checks[start : start + WORD])
        ]
        words.append(" + ".join(bits) or "0::BIGINT")
    return words or ["0::BIGINT"]


def found(checks: list[Check], *acts: str, attribute: str | None = None) -> str:
    """Return SQL that is TRUE where one of these checks has found something, read from the masks."""
    words: dict[int, int] = {}
    for index, check in enumerate(checks):
        if check.act in acts and attribute in (None, check.attribute):
            words[index // WORD] = words.get(index // WORD, 0) | 1 << index % WORD
    return " OR ".join(f"(_f{word} & {mask}) <> 0" for word, mask in words.items()) or "FALSE"


def bit(index: int) -> str:
    """Return SQL that is TRUE where check number ``index`` has found something."""
    return f"((_f{index // WORD} & {1 << index % WORD}) <> 0)"
