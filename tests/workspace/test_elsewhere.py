"""The console and the folder both change a workspace: neither undoes the other unasked, and files keep their comments."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from rekindle.cli import main
from rekindle.cli._compose import open_installation
from rekindle.workspace import Feed, FeedRule, Workspace, load_folder
from rekindle.workspace.elsewhere import undone
from rekindle.workspace.writing import merged

BRAND = FeedRule(do="set", attribute="brand", value="Dagra")
TITLE = FeedRule(do="template", attribute="title", value="{brand} {title}")
MAP = FeedRule(do="category", attribute="google_product_category", table={"Shoes": "187", "Dom > Ogród": "536"})


def rekindle(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [arguments[0], "-w", str(folder), *arguments[1:]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    CliRunner().invoke(main, ["init", str(made), "--origin", "https://shop.example"])
    assert rekindle(made, "apply", "--yes").exit_code == 0
    return made


def by_console(folder: Path, *rules: FeedRule) -> Workspace:
    """Put rules at the end of the feed, as a page of the console does."""
    installation = open_installation(folder)
    live = installation.workspaces()["shop"]
    feed = msgspec.structs.replace(live.feeds["google"], rule=[*live.feeds["google"].rule, *rules])
    changed = msgspec.structs.replace(live, feeds={**live.feeds, "google": feed})
    installation.versions.apply(changed, "ola", "ids", "console")
    installation.close()
    return changed


def is_live(folder: Path) -> Workspace:
    installation = open_installation(folder)
    live = installation.workspaces()["shop"]
    installation.close()
    return live


def test_apply_refuses_to_undo_the_console_until_it_is_pulled(folder: Path) -> None:
    changed = by_console(folder, MAP)
    planned = rekindle(folder, "plan")
    assert "undo what was changed in the console" in planned.output
    refused = rekindle(folder, "apply", "--yes")
    assert refused.exit_code == 1
    assert "feeds.google.rule" in refused.output
    assert is_live(folder) == changed
    pulled = rekindle(folder, "pull")
    assert pulled.exit_code == 0, pulled.output
    assert "feeds/google.toml" in pulled.output
    assert load_folder(folder) == changed
    assert "nothing to do" in rekindle(folder, "apply", "--yes").output
    assert "nothing was changed in the console" in rekindle(folder, "pull").output


def test_what_was_pulled_may_be_added_to(folder: Path) -> None:
    by_console(folder, MAP)
    rekindle(folder, "pull")
    with (folder / "feeds" / "google.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[rule]]\ndo = "set"\nattribute = "brand"\nvalue = "Dagra"\n')
    done = rekindle(folder, "apply", "--yes")
    assert done.exit_code == 0, done.output
    assert is_live(folder).feeds["google"].rule[-2:] == [MAP, BRAND]


def test_a_person_may_undo_the_console_and_only_once_is_asked(folder: Path) -> None:
    by_console(folder, MAP)
    assert rekindle(folder, "apply", "--yes", "--undo-console").exit_code == 0
    assert MAP not in is_live(folder).feeds["google"].rule
    with (folder / "shop.toml").open("a", encoding="utf-8") as file:
        file.write("cookie_days = 30\n")
    assert rekindle(folder, "apply", "--yes").exit_code == 0, "there is nothing of the console left to undo"


def test_changes_elsewhere_in_the_folder_are_no_conflict(folder: Path) -> None:
    by_console(folder, MAP)
    with (folder / "shop.toml").open("a", encoding="utf-8") as file:
        file.write("cookie_days = 30\n")
    assert rekindle(folder, "pull").exit_code == 0
    assert load_folder(folder).shop.cookie_days == 30, "what was changed here stays"
    assert rekindle(folder, "apply", "--yes").exit_code == 0
    assert MAP in is_live(folder).feeds["google"].rule


def test_a_file_that_both_changed_is_left_and_named(folder: Path) -> None:
    by_console(folder, MAP)
    path = folder / "feeds" / "google.toml"
    path.write_text(
        path.read_text() + "max_shrink = 0.5\n"
        if "[" not in path.read_text()
        else "max_shrink = 0.5\n" + path.read_text()
    )
    before = path.read_text()
    left = rekindle(folder, "pull")
    assert left.exit_code == 1
    assert "changed here and in the console" in left.output
    assert path.read_text() == before
    assert rekindle(folder, "pull", "--overwrite").exit_code == 0
    assert load_folder(folder) == is_live(folder)


def test_a_rollback_leaves_nothing_of_the_console_to_undo(folder: Path) -> None:
    by_console(folder, MAP)
    assert rekindle(folder, "rollback").exit_code == 0
    with (folder / "shop.toml").open("a", encoding="utf-8") as file:
        file.write("cookie_days = 30\n")
    assert rekindle(folder, "apply", "--yes").exit_code == 0


def test_an_entry_of_a_list_counts_as_kept_where_it_still_is(folder: Path) -> None:
    base = load_folder(folder)

    def ruled(*rules: FeedRule) -> Workspace:
        feed = msgspec.structs.replace(base.feeds["google"], rule=list(rules))
        return msgspec.structs.replace(base, feeds={**base.feeds, "google": feed})

    live = ruled(BRAND, MAP)
    assert undone(ruled(BRAND), live, ruled(TITLE, BRAND, MAP)) == []
    assert undone(ruled(BRAND), live, ruled(BRAND)) != []
    assert undone(ruled(BRAND, TITLE), ruled(BRAND), ruled(BRAND, TITLE)) != [], "a rule that was taken out comes back"
    assert undone(None, live, base) == []
    assert undone(base, None, base) == []


TEXT = """# Google's feed, kept by Ola.
channel = "google_merchant"   # never change
max_shrink = 0.3

# Titles begin with the brand.
[[rule]]
do = "template"
attribute = "title"
value = "{brand} {title}"  # as agreed

[[delivery]]
name = "partner"   # theirs
kind = "webhook"
location = "https://partner.example/hook"
"""


def read(text: str) -> Feed:
    return msgspec.convert(tomllib.loads(text), Feed)


def test_comments_and_order_stay() -> None:
    before = read(TEXT)
    after = msgspec.structs.replace(before, rule=[*before.rule, MAP], keep_versions=5)
    text = merged(TEXT, before, after)
    assert read(text) == after
    for line in TEXT.splitlines():
        assert line in text.splitlines(), line
    changed = msgspec.structs.replace(before, rule=[msgspec.structs.replace(TITLE, value="{title}")])
    text = merged(TEXT, before, changed)
    assert read(text) == changed
    assert "# as agreed" not in text or '"{title}"' in text
    assert "# Titles begin with the brand." in text
    assert "# theirs" in text


def test_a_text_that_cannot_be_followed_is_written_anew_and_says_the_same() -> None:
    inline = 'channel = "meta"\nrule = [{do = "set", attribute = "brand", value = "x"}]\n'
    after = Feed(channel="meta", rule=[BRAND, MAP])
    assert read(merged(inline, read(inline), after)) == after
    assert read(merged("", None, after)) == after


RULES: st.SearchStrategy[list[Any]] = st.lists(st.sampled_from([BRAND, TITLE, MAP]), max_size=4)


@given(RULES, RULES, st.sampled_from([0.3, 0.5]), st.sampled_from([0.3, 0.5]))
def test_what_is_written_says_what_was_meant(old: list[Any], new: list[Any], shrink: float, other: float) -> None:
    before, after = Feed(channel="meta", rule=old, max_shrink=shrink), Feed(channel="meta", rule=new, max_shrink=other)
    first = merged("", None, before)
    assert read(first) == before
    assert read(merged("# kept\n" + first, before, after)) == after
