"""A folder of TOML files becomes a workspace, or a list of what is wrong where."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.workspace import Workspace, WorkspaceError, changes, duration_ms, load_folder, scaffold

WORDS = {
    "name": "demo",
    "title": 'The "Demo" shop',
    "origin": "https://shop.example",
    "country": "PL",
    "currency": "PLN",
    "language": "pl",
    "catalog": "products.csv",
    "headline": "Still thinking?",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scaffold(tmp_path, WORDS)
    return tmp_path


def test_the_starting_files_are_a_workspace(folder: Path) -> None:
    workspace = load_folder(folder)
    assert workspace.name == "demo"
    assert workspace.shop.title == 'The "Demo" shop'
    assert {"google", "meta"} <= workspace.feeds.keys()
    assert {audience.rule for audience in workspace.audiences.values()} == {
        "viewed_not_bought",
        "cart_abandoned",
        "bought",
    }


def test_scaffolding_again_overwrites_nothing(folder: Path) -> None:
    shop = folder / "shop.toml"
    shop.write_text(shop.read_text().replace("PLN", "EUR"))
    assert scaffold(folder, WORDS) == []
    assert load_folder(folder).shop.currency == "EUR"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("shop.toml", 'name = "demo"', "shop.toml: Object missing required field `title`"),
        ("policy.toml", "keep_events = 90", "policy.toml: keep_events: Expected `str`, got `int`"),
        ("policy.toml", 'kep_events = "90d"', "policy.toml: Object contains unknown field `kep_events`"),
        ("feeds/google.toml", "channel = ", "feeds/google.toml: is not TOML"),
        ("audiences/new.toml", 'rule = "cart_abandoned"\nwithin = "7d"', "cart_abandoned needs after"),
        ("campaigns/two.toml", 'placement = "demo-slot"', "is also in campaigns/slot.toml"),
        (
            "destinations/hook.toml",
            'kind = "webhook"\nfeed = "goggle"\n[consent]\nconsent_mode = ["ad_storage"]',
            "feed = 'goggle' is not a feed here (there are: google, meta)",
        ),
    ],
)
def test_a_fault_names_file_place_and_remedy(folder: Path, file: str, text: str, expected: str) -> None:
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    with pytest.raises(WorkspaceError) as caught:
        load_folder(folder)
    assert any(expected in problem for problem in caught.value.problems), caught.value.problems


def test_every_fault_is_told_at_once(folder: Path) -> None:
    (folder / "policy.toml").write_text("keep_events = 90")
    (folder / "feeds/meta.toml").write_text("chanel = 'meta'")
    with pytest.raises(WorkspaceError) as caught:
        load_folder(folder)
    assert len(caught.value.problems) == 2


def test_an_origin_is_scheme_and_host(folder: Path) -> None:
    (folder / "shop.toml").write_text(
        (folder / "shop.toml").read_text().replace("https://shop.example", "https://shop.example/pl")
    )
    with pytest.raises(WorkspaceError, match="is not an origin"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('consent_source = ["onetrust"]', "needs consent_categories: no category stands for ad_storage"),
        ('consent_source = ["onetrust", "tcf"]', "needs consent_categories"),
        (
            'consent_source = ["klaro"]\n[consent_categories]\nmatomo = ["analytics_storage"]',
            r"'klaro' needs consent_categories: no category stands for ad_storage",
        ),
        ('[consent_categories]\nmarketing = ["ad_storage"]', "has no CMP to ask"),
        ('consent_source = ["onetrust"]\n[consent_categories]\nC0004 = ["marketing"]', "consent_categories"),
        ('consent_source = ["one-trust"]', "consent_source"),
        ('consent_source = ["none", "osano"]\n[consent_categories]\nMARKETING = ["ad_storage"]', '"none" asks nobody'),
    ],
)
def test_a_banner_needs_a_mapping_that_answers_the_policy(folder: Path, text: str, expected: str) -> None:
    (folder / "tags" / "tag.toml").write_text(text)
    with pytest.raises(WorkspaceError, match=r"tags/tag\.toml: .*" + expected):
        load_folder(folder)


@pytest.mark.parametrize(
    "text",
    [
        'consent_source = ["onetrust"]\n[consent_categories]\nC0004 = ["ad_storage", "ad_user_data"]',
        'consent_source = ["klaro", "consent_mode"]\n[consent_categories]\nmatomo = ["analytics_storage"]',
    ],
)
def test_a_banner_with_a_mapping_is_taken(folder: Path, text: str) -> None:
    (folder / "tags" / "tag.toml").write_text(text)
    assert load_folder(folder).tag.consent_categories


def test_differences_are_told_value_by_value(folder: Path) -> None:
    before = load_folder(folder)
    (folder / "audiences/bought.toml").write_text('rule = "bought"\nwithin = "60d"')
    (folder / "audiences/viewed_not_bought.toml").unlink()
    found = {change.path: (change.sign, change.before, change.after) for change in changes(before, load_folder(folder))}
    assert found["audiences.bought.within"] == ("~", "30d", "60d")
    assert found["audiences.viewed_not_bought.within"] == ("-", "14d", None)
    assert changes(before, before) == []


def test_everything_is_new_against_nothing(folder: Path) -> None:
    found = changes(None, load_folder(folder))
    assert {change.sign for change in found} == {"+"}


@pytest.mark.parametrize(
    ("text", "ms"), [("30s", 30_000), ("30m", 1_800_000), ("2h", 7_200_000), ("14d", 1_209_600_000)]
)
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


def test_a_workspace_survives_its_stored_form(folder: Path) -> None:
    import msgspec

    workspace = load_folder(folder)
    assert msgspec.json.decode(msgspec.json.encode(workspace), type=Workspace) == workspace
