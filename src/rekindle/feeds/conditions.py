"""The condition language of rules and checks: a small grammar that becomes an SQL expression.

``price > 100 and brand in ('A', 'B') and not title contains 'sample'``. Comparisons: ``= != < <= > >=``, ``in (…)``,
``not in (…)``, ``contains`` (ignores case), ``starts with``, ``ends with``, ``matches`` (RE2), ``is missing``,
``is not missing``, ``below 166`` (a category of Google's taxonomy, or one under it, by number or path); joined by
``and``, ``or``, ``not`` and parentheses. A comparison with a missing value is false. Numbers compare with the number at
the start of a value, so that ``price > 100`` works on ``129.00 PLN``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import duckdb

from rekindle.feeds import _sql, taxonomy
from rekindle.feeds._tokens import ConditionError, Token, tokens

__all__ = ["ConditionError", "Resolve", "check_pattern", "compile_condition"]

Resolve = Callable[[str], str]
"""Turns a name into the SQL expression of its text. Raises `LookupError` with a message for an unknown one."""

_MAX_DEPTH = 40


def compile_condition(condition: str, resolve: Resolve) -> str:
    """Return an SQL expression that is TRUE or FALSE, never NULL. Raises `ConditionError`."""
    return _Parser(tokens(condition), resolve).whole()


def check_pattern(pattern: str) -> None:
    """Raise `ConditionError` unless ``pattern`` is a regular expression of RE2, which takes linear time on any text."""
    try:
        duckdb.connect().execute("SELECT regexp_matches('', ?)", [pattern])
    except (duckdb.Error, UnicodeError) as error:
        detail = str(error).splitlines()[0]
        raise ConditionError(
            f"the pattern {pattern!r} is no RE2 expression ({detail}); look-around and back-references do not exist"
        ) from None


class _Parser:
    def __init__(self, words: list[Token], resolve: Resolve) -> None:
        self._words = words
        self._resolve = resolve
        self._next = 0
        self._depth = 0

    def whole(self) -> str:
        if len(self._words) == 1:
            raise ConditionError("the condition is empty; leave `when` out for a rule that always applies")
        found = self._or()
        if self._peek.kind != "end":
            raise self._error("and, or, or the end")
        return found

    @property
    def _peek(self) -> Token:
        return self._words[self._next]

    def _take(self, kind: str, *values: str) -> Token | None:
        token = self._peek
        if token.kind == kind and (not values or token.value in values):
            self._next += 1
            return token
        return None

    def _need(self, kind: str, value: str) -> None:
        if self._take(kind, value) is None:
            raise self._error(f"`{value}`")

    def _error(self, wanted: str) -> ConditionError:
        token = self._peek
        found = "the end" if token.kind == "end" else f"`{token.value}`"
        return ConditionError(f"character {token.at}: {found} where {wanted} was expected")

    def _or(self) -> str:
        parts = [self._and()]
        while self._take("word", "or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"

    def _and(self) -> str:
        parts = [self._not()]
        while self._take("word", "and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"

    def _not(self) -> str:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ConditionError(f"character {self._peek.at}: nested more than {_MAX_DEPTH} deep; use several rules")
        try:
            if self._take("word", "not"):
                return f"(NOT {self._not()})"
            if self._take("op", "("):
                inner = self._or()
                self._need("op", ")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> str:
        left = self._operand()
        if operator := self._take("op", "=", "!=", "<", "<=", ">", ">="):
            return _compare(left, operator.value, self._operand())
        if self._take("word", "is"):
            negated = self._take("word", "not") is not None
            self._need("word", "missing")
            return f"({left.as_text} IS {'NOT ' if negated else ''}NULL)"
        negated = self._take("word", "not") is not None
        found = self._membership(left.as_text)
        return f"(NOT {found})" if negated else found

    def _membership(self, left: str) -> str:
        if self._take("word", "in"):
            self._need("op", "(")
            values = [self._literal()]
            while self._take("op", ","):
                values.append(self._literal())
            self._need("op", ")")
            return f"coalesce(list_contains([{', '.join(values)}], {left}), FALSE)"
        if self._take("word", "contains"):
            return f"coalesce(contains(lower({left}), lower({self._text()})), FALSE)"
        if self._take("word", "starts"):
            self._need("word", "with")
            return f"coalesce(starts_with({left}, {self._text()}), FALSE)"
        if self._take("word", "ends"):
            self._need("word", "with")
            return f"coalesce(ends_with({left}, {self._text()}), FALSE)"
        if self._take("word", "matches"):
            token = self._take("text")
            if token is None:
                raise self._error("a pattern in quotes")
            check_pattern(token.value)
            return f"coalesce(regexp_matches({left}, {_sql.text(token.value)}), FALSE)"
        if self._take("word", "below"):
            return self._below(left)
        raise self._error("a comparison (=, <, in, contains, starts with, matches, below, is missing)")

    def _below(self, left: str) -> str:
        found = taxonomy.google().find(self._peek.value)
        if found is None:
            raise self._error("a category of Google's taxonomy, such as 166 or 'Apparel & Accessories'")
        self._next += 1
        return _sql.below_category(left, found.number)

    def _operand(self) -> _Operand:
        if token := self._take("name"):
            try:
                return _Operand("name", self._resolve(token.value))
            except LookupError as error:
                raise ConditionError(f"character {token.at}: {error.args[0]}") from None
        if token := self._take("text"):
            return _Operand("text", _sql.text(token.value))
        if token := self._take("number"):
            return _Operand("number", token.value)
        raise self._error("a name, a number or text in quotes")

    def _text(self) -> str:
        return self._operand().as_text

    def _literal(self) -> str:
        token = self._take("text") or self._take("number")
        if token is None:
            raise self._error("text in quotes or a number")
        return _sql.text(token.value)


class _Operand(NamedTuple):
    kind: Literal["name", "text", "number"]
    sql: str

    @property
    def as_text(self) -> str:
        return _sql.text(self.sql) if self.kind == "number" else self.sql

    @property
    def as_number(self) -> str:
        return f"CAST({self.sql} AS DOUBLE)" if self.kind == "number" else f"rk_number({self.sql})"


def _compare(left: _Operand, operator: str, right: _Operand) -> str:
    numeric = operator not in ("=", "!=") or "number" in (left.kind, right.kind)
    a, b = (left.as_number, right.as_number) if numeric else (left.sql, right.sql)
    if operator == "!=":
        return f"({a} IS DISTINCT FROM {b})"
    return f"coalesce({a} {operator} {b}, FALSE)"
