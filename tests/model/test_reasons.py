"""Every reason code that any room can produce has words in every language; found by reading the code, not by a list.

Two nets. What is given where reasons go (the calls below) must be written out and be in the table. And every text that is
returned and looks like a code (words joined by dashes) must be in the table, or be named here as something else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rekindle
from rekindle.audiences.rules import Why
from rekindle.console.language import LANGUAGES
from rekindle.console.words import words_of
from rekindle.model.outcome import Reason
from rekindle.model.reasons import REASONS
from rekindle.model.remedies import REMEDIES

SOURCE = Path(rekindle.__file__).parent
ROOMS = ("model", "privacy", "collect", "egress", "destinations", "audiences", "ads", "profiles")
FILES = sorted(path for room in ROOMS for path in (SOURCE / room).rglob("*.py"))
# Where reasons are given: by position, or by name.
PLACES: dict[str, tuple[int | None, str]] = {
    "Rejected": (0, "reason"), "_No": (0, "reason"), "Unusable": (0, ""), "Choice": (1, "reason"),
    "Decision": (1, "reason"), "DoorDecision": (1, "reason"), "Normalised": (3, "reason"), "Told": (3, "reason"),
    "Ending": (1, "reason"), "Decided": (1, "reason"), "end": (1, "reason"), "filtered": (1, "reason"),
    "refuse": (1, "reason"),
}  # fmt: skip
CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
# Words joined by dashes that are returned and are no reasons: kinds of match quality, an encoding.
OTHERS = {"audience-size", "match-rate", "utf-8", "not-found"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in FILES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def texts(node: ast.AST) -> Iterator[str]:
    """Every text that an expression can be; what is compared or looked up is no answer of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))
    elif isinstance(node, ast.BoolOp | ast.Tuple):
        for value in node.values if isinstance(node, ast.BoolOp) else node.elts:
            yield from texts(value)
    elif isinstance(node, ast.JoinedStr):
        yield "a code that is put together cannot be looked up"


def given() -> Iterator[tuple[str, str]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            position, keyword = PLACES.get(name, (None, ""))
            if position is None:
                continue
            found = [each.value for each in node.keywords if keyword and each.arg == keyword]
            if not found and len(node.args) > position:
                found = [node.args[position]]
            for code in (text for expression in found for text in texts(expression)):
                yield code, f"{path.relative_to(SOURCE)}:{node.lineno}"


GIVEN = sorted(set(given()))


def test_the_net_catches_something() -> None:
    assert {"limited-use", "purpose-not-granted", "no-purpose-consent", "not-a-date", "never-sent"} - {
        code for code, _ in GIVEN
    } <= {"no-purpose-consent"}  # returned by a function, so the second net has it
    assert len(GIVEN) > 40


@pytest.mark.parametrize(("code", "place"), GIVEN)
def test_a_reason_that_is_given_has_words(code: str, place: str) -> None:
    assert code == "" or code in REASONS, f"{place}: write words for it in rekindle.model.reasons"


def returned() -> Iterator[tuple[str, str]]:
    """What functions return, and what the tables of the privacy room hold."""
    for path, tree in trees():
        place = path.relative_to(SOURCE)
        for node in ast.walk(tree):
            if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.JoinedStr):
                yield from ((code, f"{place}:{node.lineno}") for code in texts(node.value))
        for node in tree.body if place.parts[0] == "privacy" else ():
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                for value in node.value.values:
                    yield from ((code, f"{place}:{node.lineno}") for code in texts(value))


def test_what_looks_like_a_code_has_words_or_is_known_as_something_else() -> None:
    found = {code: place for code, place in returned() if CODE.fullmatch(code)}
    assert {"no-purpose-consent", "vendor-not-disclosed", "gpp-malformed", "ac-absent"} <= set(found)
    assert not {code: place for code, place in found.items() if code not in REASONS and code not in OTHERS}


def test_what_the_decisions_return_has_words() -> None:
    """Reasons of one word (`restricted`, `expired`) look like any other word; here they are returned."""
    for name in ("privacy/consent/tcf_decision.py", "privacy/consent/us_section.py"):
        for node in ast.walk(ast.parse((SOURCE / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Return) and node.value is not None:
                for code in texts(node.value):
                    assert code in REASONS or code in ("", "consent", "li"), f"{name}:{node.lineno}: {code}"


@pytest.mark.parametrize("code", [*Reason, *Why])
def test_the_codes_of_the_tables_have_words(code: str) -> None:
    assert code in REASONS


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_and_remedies_are_in_every_language(language: str) -> None:
    words, english = words_of(language), words_of("en")
    for code in REASONS:
        assert words.reason(code)
        assert language == "en" or words.reason(code) != english.reason(code), code
        assert bool(words.remedy(code)) == (code in REMEDIES)
        if code in REMEDIES and language != "en":
            assert words.remedy(code) != english.remedy(code), code
    assert set(REMEDIES) <= set(REASONS)
