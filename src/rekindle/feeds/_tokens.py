"""Words of the condition language."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

MAX_LENGTH = 4000


class ConditionError(ValueError):
    """A condition cannot be read; the message names the place, the value and the remedy."""


class Token(NamedTuple):
    """One word; ``at`` counts characters from 1."""

    kind: Literal["name", "text", "number", "op", "word", "end"]
    value: str
    at: int


WORDS = frozenset({"and", "or", "not", "in", "contains", "matches", "is", "missing", "starts", "ends", "with", "below"})

_PATTERN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_.]))
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>source\.(?:"[^"]+"|'[^']+'|[A-Za-z_][A-Za-z0-9_]*)|performance\.[a-z]+|[A-Za-z_][A-Za-z0-9_]*)
      | (?P<op><=|>=|!=|<>|==|=|<|>|\(|\)|,)""",
    re.VERBOSE | re.DOTALL,
)


def tokens(condition: str) -> list[Token]:
    """Split a condition into words. Raises `ConditionError`."""
    if len(condition) > MAX_LENGTH:
        raise ConditionError(f"the condition has {len(condition)} characters; at most {MAX_LENGTH}: use a lookup table")
    found: list[Token] = []
    position = 0
    while position < len(condition):
        match = _PATTERN.match(condition, position)
        if match is None:
            raise ConditionError(_unreadable(condition, position))
        kind, value = match.lastgroup, match.group()
        if kind == "text":
            found.append(Token("text", _unquote(value, position + 1), position + 1))
        elif kind == "number":
            found.append(Token("number", value, position + 1))
        elif kind == "name":
            is_word = value.lower() in WORDS
            found.append(Token("word" if is_word else "name", value.lower() if is_word else value, position + 1))
        elif kind == "op":
            found.append(Token("op", {"==": "=", "<>": "!="}.get(value, value), position + 1))
        position = match.end()
    found.append(Token("end", "", len(condition) + 1))
    return found


def _unquote(quoted: str, at: int) -> str:
    # Only the quote and the backslash need escaping; `\d` of a pattern stays as it is.
    inner = re.sub(r"\\(['\"])", r"\1", quoted[1:-1])
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in inner):
        raise ConditionError(f"character {at}: the text holds a control character; leave it out")
    return inner


def _unreadable(condition: str, position: int) -> str:
    letter = condition[position]
    if letter in "'\"":
        return f"character {position + 1}: the text has no closing {letter}"
    return f"character {position + 1}: {letter!r} has no meaning here; put text in quotes"
