"""Calculations of rules: numbers, names, ``+ - * /``, parentheses and ``round(x, digits)``, as an SQL expression.

A name stands for the number at the start of its value, so ``price * 1.23`` works on ``129.00 PLN``. A missing value,
or a division by zero, makes the result missing.
"""

from __future__ import annotations

import re

from rekindle.feeds.conditions import ConditionError, Resolve

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>source\.\"[^\"]+\"|source\.'[^']+'|[A-Za-z_][A-Za-z0-9_.]*)|(?P<op>[-+*/(),]))"
)
_DEEPEST = 40


def compile_arithmetic(text: str, resolve: Resolve) -> str:
    """Return an SQL expression of type DOUBLE. Raises `ConditionError`."""
    return _Parser(text, resolve).whole()


class _Parser:
    def __init__(self, text: str, resolve: Resolve) -> None:
        self._resolve = resolve
        self._words: list[tuple[str, str, int]] = []
        self._next = self._depth = 0
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise ConditionError(f"character {position + 1}: {text[position:].strip()[0]!r} has no meaning here")
            self._words.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
            position = match.end()
        self._words.append(("end", "the end", len(text) + 1))

    def whole(self) -> str:
        found = self._sum()
        if self._words[self._next][0] != "end":
            raise self._error("+, -, *, / or the end")
        return found

    def _take(self, *values: str) -> str | None:
        kind, value, _ = self._words[self._next]
        if kind == "op" and value in values:
            self._next += 1
            return value
        return None

    def _need(self, value: str) -> None:
        if self._take(value) is None:
            raise self._error(f"`{value}`")

    def _error(self, wanted: str) -> ConditionError:
        _, value, at = self._words[self._next]
        return ConditionError(f"character {at}: `{value}` where {wanted} was expected")

    def _sum(self) -> str:
        found = self._product()
        while operator := self._take("+", "-"):
            found = f"({found} {operator} {self._product()})"
        return found

    def _product(self) -> str:
        found = self._factor()
        while operator := self._take("*", "/"):
            right = self._factor()
            found = f"({found} * {right})" if operator == "*" else f"({found} / nullif({right}, 0))"
        return found

    def _factor(self) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ConditionError(f"nested more than {_DEEPEST} deep; use several rules")
        try:
            return self._atom()
        finally:
            self._depth -= 1

    def _atom(self) -> str:
        if self._take("-"):
            return f"(-{self._factor()})"
        if self._take("("):
            inner = self._sum()
            self._need(")")
            return inner
        kind, value, at = self._words[self._next]
        if kind == "number":
            self._next += 1
            return f"CAST({value} AS DOUBLE)"
        if kind != "name":
            raise self._error("a name, a number or `(`")
        self._next += 1
        if value == "round":
            return self._round()
        try:
            return f"rk_number({self._resolve(value)})"
        except LookupError as error:
            raise ConditionError(f"character {at}: {error.args[0]}") from None

    def _round(self) -> str:
        self._need("(")
        inner, digits = self._sum(), "0"
        if self._take(","):
            kind, digits, _ = self._words[self._next]
            if kind != "number" or not digits.isdigit():
                raise self._error("a number of digits")
            self._next += 1
        self._need(")")
        return f"round({inner}, {digits})"
