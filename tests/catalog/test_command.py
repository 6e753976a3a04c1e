"""`rekindle catalog`, as a person uses it."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import main
from rekindle.engines.database import open_database

HEADER = "id,title,price,link,image_link,availability\n"


def line(identity: str, price: str = "5.00 PLN") -> str:
    return f"{identity},Item {identity},{price},https://s.example/{identity},https://s.example/i.jpg,in stock\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    made = CliRunner().invoke(main, ["init", str(folder), "--name", "shop", "--catalog", "products.csv"])
    assert made.exit_code == 0, made.output
    database = open_database(folder / "data" / "state.db")
    database.create_all()
    database.close()
    return folder


def run(shop: Path, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["catalog", *words, "-w", str(shop)])


def test_import_show_changes_and_runs(shop: Path) -> None:
    (shop / "products.csv").write_text(HEADER + line("A") + line("B"))
    first = run(shop, "import")
    assert first.exit_code == 0, first.output
    assert "2 added, 0 changed, 0 removed" in first.output
    shown = run(shop, "show", "B")
    assert "Item B" in shown.output
    assert "source main, row 3" in shown.output
    (shop / "products.csv").write_text(HEADER + line("A", "6.00 PLN") + line("B"))
    assert run(shop, "import").exit_code == 0
    assert "~ A: price" in run(shop, "changes").output
    assert run(shop, "runs").output.count("live") == 2
    missing = run(shop, "show", "b")
    assert missing.exit_code == 1
    assert "byte for byte" in missing.output


def test_what_does_not_go_live_ends_with_status_one(shop: Path, tmp_path: Path) -> None:
    (shop / "products.csv").write_text(HEADER + "".join(line(str(n)) for n in range(10)))
    assert run(shop, "import").exit_code == 0
    small = tmp_path / "small.csv"
    small.write_text(HEADER + line("1"))
    held = run(shop, "import", str(small))
    assert held.exit_code == 1
    assert "--confirm-shrink" in held.output
    assert run(shop, "import", str(small), "--confirm-shrink").exit_code == 0
    page = tmp_path / "page.html"
    page.write_text("<html><body>Not found</body></html>")
    refused = run(shop, "import", str(page))
    assert refused.exit_code == 1
    assert "html-page" in refused.output


def test_kinds_lists_every_source(shop: Path) -> None:
    listed = CliRunner().invoke(main, ["catalog", "kinds"])
    assert listed.exit_code == 0
    for name in ("google_feed", "meta_feed", "shopify_csv", "ceneo", "jsonl"):
        assert name in listed.output


def test_a_query_is_checked_by_the_plan_and_imported(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    run = CliRunner().invoke
    assert run(main, ["init", str(folder), "--name", "shop", "--catalog", "goods.db"]).exit_code == 0
    goods = sqlite3.connect(folder / "goods.db")
    goods.execute("CREATE TABLE goods (id TEXT, title TEXT, price TEXT)")
    goods.execute("INSERT INTO goods VALUES ('7', 'Lamp', '12.50 PLN')")
    goods.commit()
    goods.close()
    source = '[[source]]\nname = "main"\nkind = "sql"\nlocation = "goods.db"\n'
    (folder / "catalog.toml").write_text(source)
    planned = run(main, ["plan", "-w", str(folder)])
    assert planned.exit_code != 0
    assert "query is missing" in planned.output
    (folder / "catalog.toml").write_text(f'{source}options = {{ query = "SELECT * FROM goods" }}\n')
    imported = run(main, ["catalog", "import", "-w", str(folder)])
    assert imported.exit_code == 0, imported.output
    assert "main: goods.db as sql, 1 items" in imported.output
