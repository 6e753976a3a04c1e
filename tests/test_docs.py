"""The documentation says what is true now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tools.docs import DOCS, pages

from rekindle.cli import main
from tests.conftest import ROOT

MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


PAGES = pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8").strip() == PAGES[name].strip(), "run `make docs`"


def test_every_destination_has_its_page_and_no_page_is_left_over() -> None:
    written = {f"destinations/{path.name}" for path in (DOCS / "destinations").glob("*.md")}
    assert written == {name for name in PAGES if name.startswith("destinations/")}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            place = path.parent / target if target else path
            assert place.exists(), f"{path.name} links to {target}"
            if anchor:
                assert anchor in anchors(place), f"{path.name} links to {target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


COMMAND = re.compile(r"(?<![\w/.@-])rekindle((?: +[\w./:=<>\[\]*{}@…-]+)+)")
CODE = re.compile(r"```.*?```|`[^`\n]+`|<code>.*?</code>", re.S)
SAYS_COMMANDS = [*MARKDOWN, *(ROOT / "src/rekindle/console/templates").glob("*.html")]


@pytest.mark.parametrize("path", SAYS_COMMANDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_and_options_that_are_named_exist(path: Path) -> None:
    if path.name == "CHANGELOG.md":
        return  # it tells of what was, too
    assert [why for each in CODE.findall(path.read_text(encoding="utf-8")) for why in unknown_in(each)] == []


def unknown_in(text: str) -> Iterator[str]:
    """Yield what the command line does not know of the commands in a piece of code."""
    for match in COMMAND.finditer(text.replace("\\\n", " ")):
        command: click.Command = main
        context = click.Context(main)
        for word in match[1].split():
            if word.startswith("-"):
                known = {name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)}
                if word.partition("=")[0] not in known:
                    yield f"rekindle{match[1]}: there is no {word}"
            elif isinstance(command, click.Group):
                found = command.get_command(context, word)
                if found is None:
                    if re.fullmatch(r"[a-z][a-z-]*", word):
                        yield f"rekindle{match[1]}: there is no {word}"
                    break
                command = found


def test_a_command_that_does_not_exist_is_found() -> None:
    assert list(unknown_in("`rekindle feeds bake google`")) == ["rekindle feeds bake google: there is no bake"]
    assert list(unknown_in("`rekindle apply --loud`")) == ["rekindle apply --loud: there is no --loud"]
    assert list(unknown_in("`rekindle feeds approve google 2 --author ola`")) == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_verbs_of_make_that_are_named_exist(path: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    code = "\n".join(CODE.findall(path.read_text(encoding="utf-8")))
    named = {word for line in re.findall(r"^`?make((?: +[a-z][a-z-]*\b(?!=))+)", code, re.M) for word in line.split()}
    assert named <= verbs, f"{path.name} names make {named - verbs}"


def test_the_verbs_of_the_makefile_are_the_ones_the_readme_names() -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert {"demo", "test", "lint", "bench", "docs"} <= verbs


def test_the_makefile_names_tests_that_are_there() -> None:
    named = set(re.findall(r"\btests/[\w/.]+", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert len(named) > 5
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
