"""Apply makes an immutable version, rollback moves the pointer, and nothing unrecorded happens."""

from __future__ import annotations

import msgspec
import pytest

from rekindle.engines.database import Database
from rekindle.workspace import Shop, VersionMissing, Versions, Workspace, changes
from tests.conftest import FakeClock


def shop(title: str, name: str = "demo") -> Workspace:
    return Workspace(shop=Shop(name=name, title=title, origins=["https://shop.example"], country="PL", currency="PLN"))


class Book:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, str]] = []
        self.broken = False

    def __call__(self, workspace: str, actor: str, action: str, detail: str) -> None:
        if self.broken:
            raise OSError("the ledger is full")
        self.lines.append((workspace, actor, action, detail))


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def versions(database: Database, clock: FakeClock, book: Book) -> Versions:
    return Versions(database, clock, book)


def test_apply_numbers_versions_and_points_to_the_newest(versions: Versions, book: Book) -> None:
    first = versions.apply(shop("One"), "ada", "start")
    second = versions.apply(shop("Two"), "ada", "rename")
    assert (first.version, second.version) == (1, 2)
    assert versions.live()["demo"].shop.title == "Two"
    assert [line[2] for line in book.lines] == ["workspace.apply", "workspace.apply"]


def test_applying_the_same_again_makes_no_version(versions: Versions, book: Book) -> None:
    versions.apply(shop("One"), "ada", "")
    assert versions.apply(shop("One"), "bob", "").version == 1
    assert len(book.lines) == 1


def test_rollback_goes_to_the_one_before_or_to_the_one_named(versions: Versions) -> None:
    for title in ("One", "Two", "Three"):
        versions.apply(shop(title), "ada", "")
    assert versions.rollback("demo", None, "ada", "").version == 2
    assert versions.live()["demo"].shop.title == "Two"
    versions.rollback("demo", 3, "ada", "")
    assert versions.pointers() == {"demo": 3}
    with pytest.raises(VersionMissing, match="there are: 3, 2, 1"):
        versions.rollback("demo", 9, "ada", "")


def test_there_is_nothing_before_the_first(versions: Versions) -> None:
    versions.apply(shop("One"), "ada", "")
    with pytest.raises(VersionMissing):
        versions.rollback("demo", None, "ada", "")


def test_what_cannot_be_recorded_does_not_happen(versions: Versions, book: Book) -> None:
    versions.apply(shop("One"), "ada", "")
    book.broken = True
    with pytest.raises(OSError, match="ledger"):
        versions.apply(shop("Two"), "ada", "")
    assert versions.live()["demo"].shop.title == "One"
    assert len(versions.history("demo")) == 1


def test_workspaces_do_not_meet(versions: Versions) -> None:
    versions.apply(shop("One"), "ada", "")
    versions.apply(shop("Other", name="other"), "ada", "")
    versions.apply(shop("Other 2", name="other"), "ada", "")
    versions.rollback("other", None, "ada", "")
    assert {name: workspace.shop.title for name, workspace in versions.live().items()} == {
        "demo": "One",
        "other": "Other",
    }


def test_an_old_version_reads_back_as_it_was(versions: Versions) -> None:
    given = shop("One")
    versions.apply(given, "ada", "")
    versions.apply(shop("Two"), "ada", "")
    assert changes(given, versions.read("demo", 1)) == []
    assert msgspec.structs.asdict(versions.read("demo", 1)) == msgspec.structs.asdict(given)
