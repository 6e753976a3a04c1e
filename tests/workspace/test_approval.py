"""A change of the policy takes two people, and nobody is locked out."""

from __future__ import annotations

import pytest

from rekindle.engines.database import Database
from rekindle.privacy.redact import clean_text
from rekindle.workspace import (
    ApprovalRefused,
    Destination,
    DestinationConsent,
    Policy,
    Shop,
    VersionMissing,
    Versions,
    Workspace,
)
from rekindle.workspace.documents import Approval
from tests.conftest import FakeClock

STRICT, LAX = ["ad_storage", "ad_personalization"], ["ad_storage"]


class Book:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, workspace: str, actor: str, action: str, detail: str) -> None:
        self.lines.append((actor, action))


def shop(signals: list[str], title: str = "Shop", people: int = 2) -> Workspace:
    rule = DestinationConsent(consent_mode=signals)  # type: ignore[arg-type]
    return Workspace(
        shop=Shop(name="demo", title=title, origins=["https://shop.example"], country="PL", currency="PLN"),
        destinations={"meta": Destination(kind="meta", consent=rule)},
        policy=Policy(approval=Approval(people=people)),  # type: ignore[arg-type]
    )


def versions(database: Database, clock: FakeClock, book: Book, people: int = 2) -> Versions:
    return Versions(database, clock, book, lambda _name: people)


def test_the_first_version_needs_nobody(database: Database, clock: FakeClock) -> None:
    assert versions(database, clock, Book()).apply(shop(STRICT), "ada", "").live


def test_one_proposes_and_another_approves(database: Database, clock: FakeClock) -> None:
    book = Book()
    store = versions(database, clock, book)
    store.apply(shop(STRICT), "ada", "")
    proposed = store.apply(shop(LAX), "ada", "more reach")
    assert (proposed.version, proposed.live) == (2, False)
    assert store.live()["demo"] == shop(STRICT)
    with pytest.raises(ApprovalRefused, match="somebody else"):
        store.approve("demo", 2, "Ada", "")
    assert store.live()["demo"] == shop(STRICT)
    assert store.approve("demo", 2, "bob", "").live
    assert store.live()["demo"] == shop(LAX)
    assert book.lines == [("ada", "workspace.apply"), ("ada", "workspace.propose"), ("bob", "workspace.approve")]
    with pytest.raises(ApprovalRefused, match="live already"):
        store.approve("demo", 2, "bob", "")
    with pytest.raises(VersionMissing):
        store.approve("demo", 3, "bob", "")


def test_the_same_proposal_is_made_once(database: Database, clock: FakeClock) -> None:
    store = versions(database, clock, Book())
    store.apply(shop(STRICT), "ada", "")
    assert store.apply(shop(LAX), "ada", "").version == store.apply(shop(LAX), "ada", "").version == 2


def test_other_changes_take_one(database: Database, clock: FakeClock) -> None:
    store = versions(database, clock, Book())
    store.apply(shop(STRICT), "ada", "")
    assert store.apply(shop(STRICT, "New name"), "ada", "").live


def test_an_overtaken_proposal_is_refused(database: Database, clock: FakeClock) -> None:
    store = versions(database, clock, Book())
    store.apply(shop(STRICT), "ada", "")
    store.apply(shop(LAX), "ada", "")
    store.apply(shop(STRICT, "New name"), "ada", "")
    with pytest.raises(ApprovalRefused, match="newer version"):
        store.approve("demo", 2, "bob", "")


def test_nobody_to_ask_is_nobody_locked_out(database: Database, clock: FakeClock) -> None:
    store = versions(database, clock, Book(), people=1)
    store.apply(shop(STRICT), "ada", "")
    assert store.apply(shop(LAX), "ada", "").live


def test_what_is_live_says_how_many(database: Database, clock: FakeClock) -> None:
    store = versions(database, clock, Book())
    store.apply(shop(STRICT), "ada", "")
    assert not store.apply(shop(STRICT, people=1), "ada", "").live  # nobody lowers it alone
    store.approve("demo", 2, "bob", "")
    assert store.apply(shop(LAX, people=1), "ada", "").live


def test_going_back_does_not_go_round_it(database: Database, clock: FakeClock) -> None:
    store = versions(database, clock, Book())
    store.apply(shop(LAX), "ada", "")
    store.apply(shop(STRICT), "ada", "")
    store.approve("demo", 2, "bob", "")
    with pytest.raises(ApprovalRefused, match="two people"):
        store.rollback("demo", 1, "ada", "")
    store.apply(shop(STRICT, "New name"), "ada", "")
    assert store.rollback("demo", None, "ada", "").version == 2


def test_a_reason_is_kept_without_the_people_it_names(database: Database, clock: FakeClock) -> None:
    store = Versions(database, clock, Book(), lambda _name: 2, clean_text)
    store.apply(shop(STRICT), "ada", "asked by jan.kowalski@example.com in July")
    store.apply(shop(LAX), "ada", "for anna@example.com")
    store.reject("demo", 2, "bob", "call +48 601 234 567 first")
    store.apply(shop(LAX, "Other"), "ada", "again")
    store.approve("demo", 3, "bob", "anna@example.com agrees")
    kept = [*(one.reason for one in store.history("demo")), *(one.reason for one in store.reviews("demo"))]
    assert not [reason for reason in kept if "@" in reason or "601" in reason]
    assert any("in July" in reason for reason in kept)
