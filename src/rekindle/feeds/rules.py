"""A marketer's rules, compiled to SQL expressions over the channel's attributes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from rekindle.feeds import _sql
from rekindle.feeds.arithmetic import compile_arithmetic
from rekindle.feeds.conditions import ConditionError, Resolve, check_pattern, compile_condition
from rekindle.feeds.performance import KINDS
from rekindle.feeds.spec import Attribute, Spec
from rekindle.model.product import Product
from rekindle.workspace import FeedRule

PRODUCT_FIELDS = tuple(field.name for field in msgspec.structs.fields(Product) if field.name != "attributes")

_OF_A_MARKET = (
    "title", "description", "link", "mobile_link", "price", "sale_price", "availability", "product_type", "shipping",
)  # fmt: skip
_LONGEST_PAD = 50
_BEFORE = "\x01before\x01"
_DEEPEST = 100
"""How deep rules on one attribute are written into each other; the engine takes a depth of 1,000."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class RuleError(ValueError):
    """A rule cannot be used; the message names the rule, the value and the remedy."""


class Layer(NamedTuple):
    """One compiled rule: ``expression`` is the attribute's new value, or for an exclusion the condition.

    ``reads`` are the columns that the expression reads by name; `_BEFORE` in ``open`` stands for the value before.
    """

    number: int
    attribute: str | None
    title: str
    expression: str
    open: str = ""
    reads: frozenset[str] = frozenset()


def applied(layers: Sequence[Layer], relation: str) -> str:
    """Return the relation with the rules applied, each on what the one before left.

    Every step costs memory for each column. So rules belong to one step that read no other attribute which it writes;
    those on one attribute are written around each other.
    """
    for step in _steps(layers):
        columns = [f"{value} AS {name}" for name, value in step.items()]
        relation = f"SELECT * REPLACE ({', '.join(columns)}) FROM ({relation})"
    return relation


def _steps(layers: Sequence[Layer]) -> Iterator[dict[str, str]]:
    """Yield what each step writes: column and expression."""
    step: dict[str, str] = {}
    depth: Counter[str] = Counter()
    for layer in layers:
        column = "_rule" if layer.attribute is None else _sql.name(layer.attribute)
        if layer.reads & step.keys() or depth[column] >= _DEEPEST:
            yield step
            step, depth = {}, Counter()
        step[column] = _around(step[column], layer.open) if column in step else layer.expression
        depth[column] += 1
    if step:
        yield step


def _around(before: str, expression: str) -> str:
    """Return an expression over the value before; one that needs it more than once takes it by a name, not by copies."""
    if expression.count(_BEFORE) <= 1:
        return expression.replace(_BEFORE, f"({before})")
    return f"list_transform([{before}], lambda rk_before: {expression.replace(_BEFORE, 'rk_before')})[1]"


def resolver(spec: Spec) -> Resolve:
    """Return how names are read: an attribute of the channel, then a product field; ``source.x`` is what came in."""
    attributes = frozenset(spec.names)

    def resolve(name: str) -> str:
        if name.startswith("source."):
            plain = name.removeprefix("source.").strip("\"'")
            if plain in PRODUCT_FIELDS:
                return _sql.name(f"product.{plain}")
            return f'"product.attributes"[{_sql.text(plain)}]'
        if name.startswith("performance."):
            if name.removeprefix("performance.") not in KINDS:
                raise LookupError(
                    f"{name!r} is not known; there are {', '.join(f'performance.{kind}' for kind in KINDS)}"
                )
            return f'"product.attributes"[{_sql.text(name)}]'
        if name in attributes:
            return _sql.name(name)
        if name in PRODUCT_FIELDS:
            return _sql.name(f"product.{name}")
        raise LookupError(
            f"{name!r} is no attribute of {spec.channel} and no product field; "
            f"write source.{name} for an attribute that only the source has"
        )

    return resolve


def compile_rules(spec: Spec, rules: Sequence[FeedRule]) -> list[Layer]:
    """Compile rules in their order. Raises `RuleError`."""
    resolve = resolver(spec)
    return [layer for number, rule in enumerate(rules, 1) for layer in _layers(spec, number, rule, resolve)]


def _layers(spec: Spec, number: int, rule: FeedRule, resolve: Resolve) -> Iterator[Layer]:
    if rule.do != "market":
        yield _compile(spec, number, rule, resolve)
        return
    names = rule.names or [name for name in _OF_A_MARKET if name in spec.names]
    for name in names:
        yield _compile(spec, number, msgspec.structs.replace(rule, attribute=name), resolve)


def _compile(spec: Spec, number: int, rule: FeedRule, resolved: Resolve) -> Layer:
    title = f"rule {number} ({rule.do}{' ' + rule.attribute if rule.attribute else ''})"
    reads: set[str] = set()

    def resolve(name: str) -> str:
        found = resolved(name)
        if found == own:
            return before
        reads.add(found)
        return found

    own = _sql.name(rule.attribute) if rule.attribute is not None else ""
    before = own
    try:
        if rule.do == "exclude":
            if rule.when is None:
                raise RuleError("`when` is missing; an exclusion without it would empty the feed")
            excluding = compile_condition(rule.when, resolve)
            return Layer(
                number, None, title, _excluding(number, excluding, "_rule"), _excluding(number, excluding, _BEFORE),
                frozenset(reads),
            )  # fmt: skip
        if rule.attribute is None:
            raise RuleError("`attribute` is missing; name the attribute to change")
        if rule.attribute not in spec.names:
            raise RuleError(f"{rule.attribute!r} is no attribute of {spec.channel}; it has {', '.join(spec.names)}")
        written: list[str] = []
        for before in (own, _BEFORE):
            when = compile_condition(rule.when, resolve) if rule.when is not None else None
            value = _value(rule, before, resolve, spec.find(rule.attribute), when)
            written.append(f"CASE WHEN {when} THEN {value} ELSE {before} END" if when and rule.do != "if" else value)
    except (ConditionError, RuleError, LookupError) as error:
        raise RuleError(f"{title}: {error.args[0]}") from None
    return Layer(number, rule.attribute, title, written[0], written[1], frozenset(reads))


def _excluding(number: int, when: str, before: str) -> str:
    """Return what an exclusion writes: its number where no earlier one holds."""
    return f"coalesce({before}, CASE WHEN {when} THEN {number} END)"


def _value(rule: FeedRule, before: str, resolve: Resolve, attribute: Attribute, when: str | None) -> str:
    match rule.do:
        case "set":
            # An empty value clears the attribute.
            return f"CAST(nullif({_literal(rule.value or '')}, '') AS VARCHAR)"
        case "default":
            return f"coalesce({before}, {_literal(_needed(rule.value, 'value'))})"
        case "template":
            return fill(_needed(rule.value, "value"), resolve)
        case "replace":
            find = _needed(rule.find, "find")
            check_pattern(find)
            return f"regexp_replace({before}, {_literal(find)}, {_literal(rule.value or '')}, 'g')"
        case "lookup":
            if not rule.table:
                raise RuleError("`table` is empty; give it pairs of found = wanted")
            looked_up = resolve(rule.value) if rule.value else before
            cases = " ".join(f"WHEN {_literal(key)} THEN {_literal(to)}" for key, to in rule.table.items())
            return f"CASE {looked_up} {cases} ELSE {before} END"
        case "if":
            return _if(rule, before, resolve, when)
        case "calculate":
            return _calculated(compile_arithmetic(_needed(rule.value, "value"), resolve), attribute, resolve)
        case "split":
            whole = resolve(rule.value) if rule.value else before
            if not rule.part:
                raise RuleError("`part` is missing; 1 is the first, -1 the last")
            return f"nullif(trim(string_split({whole}, {_literal(_needed(rule.find, 'find'))})[{rule.part}]), '')"
        case "join":
            if not rule.names:
                raise RuleError("`names` is empty; list what to join")
            parts = ", ".join(f"nullif({resolve(name)}, '')" for name in rule.names)
            return f"nullif(concat_ws({_literal(rule.value or ' ')}, {parts}), '')"
        case "category":
            return _category(rule, before, resolve)
        case "market":
            return _market(rule, before, resolve, attribute)
        case "case":
            if rule.value not in ("lower", "upper"):
                raise RuleError(f"`value` is {rule.value!r}; write lower or upper")
            return f"{rule.value}({before})"
        case "pad":
            return _padded(rule, before)
        case other:
            raise RuleError(f"{other!r} is no operation")


def _if(rule: FeedRule, before: str, resolve: Resolve, when: str | None) -> str:
    """Return ``value`` where the condition holds, ``otherwise`` where not; a branch that is left out keeps the value."""
    if when is None or (rule.value is None and rule.otherwise is None):
        raise RuleError("`if` needs `when`, and `value` or `otherwise`")
    then, other = (before if text is None else fill(text, resolve) for text in (rule.value, rule.otherwise))
    return f"CASE WHEN {when} THEN {then} ELSE {other} END"


def _calculated(number: str, attribute: Attribute, resolve: Resolve) -> str:
    """Write the number: a price keeps its own currency or gets the product's; others lose needless zeros."""
    if attribute.type == "price":
        own = f"nullif(regexp_extract({resolve(attribute.name)}, ' ([A-Z]{{3}})$', 1), '')"
        return f"rk_money({number}, coalesce({own}, {resolve('source.currency')}))"
    if attribute.type == "number":
        return f"CAST(CAST({number} AS DECIMAL(18,2)) AS VARCHAR)"
    return f"regexp_replace(CAST(CAST({number} AS DECIMAL(18,4)) AS VARCHAR), '\\.?0+$', '')"


def _market(rule: FeedRule, before: str, resolve: Resolve, attribute: Attribute) -> str:
    """Take what the source says for one market (``title_de`` or ``title:de``); a bare price gets the rule's currency."""
    market = _needed(rule.value, "value")
    given = [f"nullif({resolve(f'source.{attribute.name}{mark}{market}')}, '')" for mark in "_:"]
    value = f"coalesce({', '.join(given)})"
    if attribute.type == "price" and rule.currency is not None:
        bare = f"regexp_matches({value}, '^[0-9]+([.,][0-9]+)?$')"
        money = f"rk_money(rk_number(replace({value}, ',', '.')), {_literal(rule.currency)})"
        value = f"CASE WHEN {bare} THEN {money} ELSE {value} END"
    return f"coalesce({value}, {before})"


def _padded(rule: FeedRule, before: str) -> str:
    """Put zeros before numbers that are shorter than the wanted length: a table program took them away."""
    wanted = _needed(rule.value, "value")
    if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted) <= _LONGEST_PAD:
        raise RuleError(f"`value` is {wanted!r}; write a length from 1 to {_LONGEST_PAD}")
    short = f"regexp_matches({before}, '^[0-9]{{1,{int(wanted)}}}$')"
    return f"CASE WHEN {short} THEN lpad({before}, {int(wanted)}, '0') ELSE {before} END"


def _category(rule: FeedRule, before: str, resolve: Resolve) -> str:
    """Translate a category: the longest one of the table that it is, or lies below, decides."""
    if not rule.table:
        raise RuleError("`table` is empty; give it pairs of the shop's category = the channel's")
    given = f"lower({resolve(rule.value or 'source.product_type')})"
    cases = []
    for key, to in sorted(rule.table.items(), key=lambda pair: (-len(pair[0]), pair[0])):
        low = key.lower()
        below = " OR ".join(f"starts_with({given}, {_literal(low + mark)})" for mark in (" >", "/", " /"))
        cases.append(f"WHEN {given} = {_literal(low)} OR {below} THEN {_literal(to)}")
    return f"CASE {' '.join(cases)} ELSE {before} END"


def fill(template: str, resolve: Resolve) -> str:
    """Return SQL that fills ``{brand} {title}``; missing values leave nothing behind, not even two blanks in a row."""
    parts: list[str] = []
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        if literal := template[position : match.start()]:
            parts.append(_literal(literal))
        parts.append(f"coalesce({resolve(match[1].strip())}, '')")
        position = match.end()
    if tail := template[position:]:
        parts.append(_literal(tail))
    joined = f"concat({', '.join(parts)})" if parts else "''"
    return f"nullif(trim(regexp_replace({joined}, ' {{2,}}', ' ', 'g')), '')"


def _needed(value: str | None, key: str) -> str:
    if not value:
        raise RuleError(f"`{key}` is missing")
    return value


def _literal(value: str) -> str:
    if any((ord(letter) < 32 or letter == "\x7f") and letter not in "\t\n\r" for letter in value):
        raise RuleError(f"the text {value!r} holds a control character; leave it out")
    return _sql.text(value)
