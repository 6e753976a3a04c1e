"""Every shared file as a person imports it: how it ends, what is said of it, and that what was live stays otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from click.testing import CliRunner, Result

from rekindle.catalog import RunLog, SnapshotStore
from rekindle.cli import main
from rekindle.cli._compose import Installation, open_installation
from rekindle.engines.database import open_database


class Outcome(NamedTuple):
    """``told`` are the codes of the report and how often each came, besides the note on the kind."""

    kind: str
    items: int
    told: dict[str, int]
    status: str = "live"
    words: str = ""


OUTCOMES: Final[dict[str, Outcome]] = {
    "broken/ceneo_lies_utf8_is_cp1250.xml": Outcome("ceneo", 81, {"encoding-guessed": 1}),
    "broken/ceneo_windows-1250.xml": Outcome("ceneo", 81, {"encoding": 1}),
    "broken/google_duplicate_ids.xml": Outcome("google_feed", 1254, {"duplicate-id": 201}),
    "broken/google_truncated.xml": Outcome(
        "google_feed", 545, {"xml-truncated": 1}, "held",
        "incomplete: the input ends or breaks before its end: line 2, column 894282, after 545 whole <item>: Premature "
        "end of data in tag price; the file ends too early; publish it again, whole",
    ),
    "broken/google_unescaped_amp.xml": Outcome("google_feed", 1254, {"unescaped-ampersand": 1, "duplicate-id": 1}),
    "broken/html_login_page.xml": Outcome(
        "", 0, {"login-page": 1}, "refused",
        "login-page: html_login_page.xml: the address answers with a login page; use the feed's public address",
    ),
    "broken/meta_semicolon_bom_crlf.csv": Outcome("meta_feed", 271, {"delimiter": 1}),
    "broken/shopify_bulk_parentid.jsonl": Outcome(
        "shopify_bulk", 96, {"currency-assumed": 95, "price-not-positive": 1, "field-empty": 2}
    ),
    "ceneo_dagra.xml": Outcome("ceneo", 8, {}),
    "google_bogo4u.xml": Outcome("google_feed", 14, {}),
    "google_cuttysark_au_cdata.xml": Outcome("google_feed", 251, {}),
    "google_ola.xml": Outcome("google_feed", 25, {}),
    "idosell_iof_full.xml": Outcome("idosell_iof", 606, {"no-price": 9, "field-empty": 1}),
    "magento2_gear_bags.csv": Outcome(
        "magento_csv", 14, {"currency-assumed": 14, "sale-not-lower": 2, "field-empty": 2}
    ),
    "meta_dagra_pl.csv": Outcome("meta_feed", 10, {"currency-assumed": 10}),
    "meta_template_v3.csv": Outcome(
        "meta_feed", 3, {"comma-decimal": 2, "offset-assumed": 1, "gtin-destroyed": 1}
    ),
    "shopify_partners_apparel.csv": Outcome("shopify_csv", 22, {"id-made-up": 22, "currency-assumed": 22}),
    "shopify_products_public.json": Outcome("shopify_json", 96, {"currency-assumed": 95, "price-not-positive": 1}),
    "woocommerce_export_artur.csv": Outcome(
        "woocommerce_csv", 7, {"currency-assumed": 7, "not-published": 2, "stray-bom": 1}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared") / "shop"
    made = CliRunner().invoke(main, ["init", str(folder), "--name", "shop", "--catalog", "products.csv"])
    assert made.exit_code == 0, made.output
    database = open_database(folder / "data" / "state.db")
    database.create_all()
    database.close()
    return folder


@pytest.fixture
def installation(folder: Path) -> Iterator[Installation]:
    opened = open_installation(folder, None)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_every_file_ends_as_it_should(folder: Path, installation: Installation, shared_data: Path, name: str) -> None:
    outcome = OUTCOMES[name]
    (folder / "products.csv").write_text("id,title,price\nkept,Kept,5 PLN\n")
    said = run(folder, "--confirm-shrink")
    assert said.exit_code == 0, said.output
    store = SnapshotStore(installation.database, installation.blobs)
    before = store.current("shop")
    said = run(folder, str(shared_data / name), "--link-base", "https://shop.example", "--confirm-shrink")
    result = RunLog(installation.database).latest("shop")[0]
    assert (result.status, result.kind, result.items) == (outcome.status, outcome.kind, outcome.items)
    assert {code: number for code, number in result.codes.items() if code != "kind"} == outcome.told
    assert outcome.words in said.output
    assert all(issue.remedy for issue in result.issues)
    now = store.current("shop")
    assert before is not None
    assert now is not None
    if outcome.status == "live":
        assert said.exit_code == 0
        assert now.items == outcome.items
    else:
        assert said.exit_code == 1
        assert now.digest == before.digest, "what was live stays"


def test_no_shared_file_is_left_out(shared_data: Path) -> None:
    there = {path.relative_to(shared_data).as_posix() for path in shared_data.rglob("*") if path.is_file()}
    assert there - {"README.md"} == set(OUTCOMES)


def run(folder: Path, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(main, ["catalog", "import", *words, "-w", str(folder)])
