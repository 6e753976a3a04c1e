"""The commands, on a real installation: a feed, events of a day, what differs, and the rule that mends it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import main
from rekindle.cli._compose import create, open_installation, settings_for
from rekindle.feeds.quality import newest
from rekindle.model.clock import system_clock
from rekindle.profiles import ProfileView
from tests.memory_log import MemoryLog
from tests.profiles.test_sightings import saw

SHOP = 'name = "shop"\ntitle = "Shop"\norigins = ["https://shop.example"]\ncountry = "PL"\ncurrency = "PLN"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose pages send gla_1000 for the item 1000, and another price for the item 1005."""
    home = tmp_path_factory.mktemp("shop")
    (home / "feeds").mkdir()
    (home / "shop.toml").write_text(SHOP)
    (home / "catalog.toml").write_text('[[source]]\nname = "export"\nlocation = "products.csv"\nkind = "csv"\n')
    (home / "feeds" / "meta.toml").write_text('channel = "meta"\n')
    lines = ["id,title,description,link,image_link,price,availability,brand,condition"]
    lines += [
        f"{n},Cover {n},Soft,https://shop.example/{n},https://shop.example/{n}.jpg,199.00,in_stock,Dagra,new"
        for n in range(1000, 1010)
    ]
    (home / "products.csv").write_text("\n".join(lines) + "\n")
    create(settings_for(home))
    for words in (["apply", "-y"], ["catalog", "import"], ["feeds", "build"]):
        assert run(home, *words).exit_code == 0
    asyncio.run(visit(home))
    return home


async def visit(home: Path) -> None:
    log, now = MemoryLog(), system_clock()
    log.put(*(saw(f"gla_{n}", "199", now) for n in range(1000, 1008)))
    log.put(saw("1008", "199.00", now), saw("1005", "149.00", now), saw("1005", "149", now), saw("=1+1", "1", now))
    installation = open_installation(home, None)
    await ProfileView(log, installation.database, system_clock).step()
    installation.close()


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "-w", str(home)])


def test_ids_tell_why_and_what_to_do(folder: Path) -> None:
    told = run(folder, "feeds", "ids", "meta", "--limit", "3").output
    assert "25.0% of 12 events name an id of the feed (2 of 11 ids)" in told
    assert "'gla_1000' prefix (in the feed: '1000'), 1 events" in told
    assert "25.0% -> 66.7%" in told, "three events name the plain id, and would not match then"
    assert 'do = "template"\nattribute = "id"\nvalue = "gla_{id}"' in told
    report = json.loads(run(folder, "feeds", "ids", "meta", "--json").output)
    assert report["reasons"] == {"prefix": 8, "unknown": 1}


def test_csv_holds_every_item_and_no_formula(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(folder, "feeds", "ids", "meta", "--csv").output)))
    assert len(rows) == 9
    assert {row["item_id"] for row in rows} >= {"gla_1000", "'=1+1"}


def test_drift_is_listed_and_is_an_exit_status(folder: Path) -> None:
    result = run(folder, "feeds", "drift", "meta")
    assert result.exit_code == 1
    assert "1 of 2 compared items differ (50.0%)" in result.output
    assert "'1005' price: feed 199.00 PLN, page 149 PLN since" in result.output
    rows = list(csv.DictReader(io.StringIO(run(folder, "feeds", "drift", "meta", "--csv").output)))
    assert [(row["item_id"], row["in_feed"], row["on_page"], row["views"]) for row in rows] == [
        ("1005", "199.00 PLN", "149 PLN", "2")
    ]


def test_ages_of_a_feed_and_of_one_item(folder: Path) -> None:
    result = run(folder, "feeds", "ages", "meta")
    assert result.exit_code == 0, result.output
    assert "meta version 1: 10 items, allowed age 1d" in result.output
    assert "published version 1 since" in result.output
    rows = list(csv.DictReader(io.StringIO(run(folder, "feeds", "ages", "meta", "--csv").output)))
    assert len(rows) == 10
    assert int(rows[0]["price_age_s_published"]) < 600
    assert "meta published: price" in run(folder, "feeds", "explain", "meta", "1001", "price").output
    assert "meta published: price" in run(folder, "catalog", "show", "1001").output


def test_quality_shows_all_of_it_and_keeps_it(folder: Path) -> None:
    result = run(folder, "feeds", "quality")
    assert result.exit_code == 1, "drift is over what is allowed"
    assert "meta (meta): 10 items, 0 blocked; ids 25.0%; drift 50.0%; published price" in result.output
    installation = open_installation(folder, None)
    try:
        assert newest(installation.database, "shop")["meta"].version == 1
    finally:
        installation.close()


def test_an_unpublished_feed_is_named_with_the_remedy(folder: Path) -> None:
    result = run(folder, "feeds", "ids", "nope")
    assert result.exit_code == 1
    assert "it has: meta" in result.output
