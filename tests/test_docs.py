"""The documentation says what is true now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.docs import DOCS, pages

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


def test_the_verbs_of_the_makefile_are_the_ones_the_readme_names() -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert {"demo", "test", "lint", "bench", "docs"} <= verbs


def test_the_makefile_names_tests_that_are_there() -> None:
    named = set(re.findall(r"\btests/[\w/.]+", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert len(named) > 5
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
