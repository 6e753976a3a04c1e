"""`rekindle feeds check`: the probe on real and broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rekindle.cli.feeds import command


def check(file: Path, channel: str, *more: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(command, ["check", str(file), "--channel", channel, *more])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    report: dict[str, Any] = json.loads(result.output)
    assert set(report) == {"items", "errors", "warnings", "issues"}
    for issue in report["issues"]:
        assert set(issue) == {"row", "id", "attribute", "code", "severity", "value", "remedy"}
    return result.exit_code, report


def test_a_feed_is_checked_as_it_is_written(tmp_path) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(
        "id,title,description,availability,condition,price,link,image_link,brand\n"
        "A,Cover,Soft,in stock,new,199,https://a.example/a,https://a.example/a.jpg,Dagra\n"
        "B,Cover,Soft,in stock,new,199 PLN,https://a.example/b,https://a.example/b.jpg,Dagra\n"
    )
    status, report = check(file, "meta")
    assert (status, report["items"], report["errors"]) == (0, 2, 1)
    (issue,) = [issue for issue in report["issues"] if issue["severity"] == "block"]
    assert (issue["row"], issue["id"], issue["attribute"], issue["code"], issue["value"]) == (
        2, "A", "price", "price-without-currency", "199",
    )  # fmt: skip
    assert check(file, "meta", "--strict")[0] == 1


def test_a_catalogue_is_checked_as_it_would_be_published(tmp_path) -> None:
    file = tmp_path / "products.jsonl"
    file.write_text(
        json.dumps({"id": "A", "title": "Cover", "description": "Soft", "link": "https://a.example/a",
                    "image_link": "https://a.example/a.jpg", "price": "10.00", "availability": "in_stock"}) + "\n"
    )  # fmt: skip
    _, bare = check(file, "google_merchant")
    assert "price-without-currency" in {issue["code"] for issue in bare["issues"]}
    _, report = check(file, "google_merchant", "--currency", "PLN")
    assert (report["items"], report["errors"]) == (1, 0)


@pytest.mark.parametrize("channel", ["ceneo", "skapiec", "google_ads_custom"])
def test_a_feed_of_other_names_is_read_as_products(tmp_path, channel) -> None:
    file = tmp_path / "feed.tsv"
    file.write_text(
        "id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\tbrand\tproduct_type\n"
        "A\tCover\tSoft\thttps://a.example/a\thttps://a.example/a.jpg\tin_stock\t199.00 PLN\tDagra\tHome > Covers\n"
    )
    status, report = check(file, channel, "--strict")
    assert (status, report["items"]) == (0, 1), report["issues"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("feed.tsv", "id\ttitle\tlink\tprice\n"),
        (
            "feed.xml",
            '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title></channel></rss>',
        ),
    ],
)
def test_a_feed_without_items_is_an_error(tmp_path, name, text) -> None:
    file = tmp_path / name
    file.write_text(text)
    status, report = check(file, "google_merchant")
    assert (status, report["items"], report["errors"]) == (0, 0, 1)
    assert [issue["code"] for issue in report["issues"] if issue["severity"] == "error"] == ["no-items"]
    assert check(file, "google_merchant", "--strict")[0] == 1


def test_a_last_row_with_too_many_cells_was_not_cut(tmp_path) -> None:
    file = tmp_path / "feed.tsv"
    file.write_text("id\ttitle\tlink\tprice\nA\tCover\thttps://a.example/a\t1.00 PLN\nB\tCover\tx\t1.00 PLN\tmore\n")
    _, report = check(file, "google_merchant")
    (issue,) = [issue for issue in report["issues"] if issue["severity"] == "error"]
    assert (issue["row"], issue["code"], report["items"]) == (3, "ragged-row", 1)


def test_an_unknown_channel_is_named(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("id,title\n1,a\n")
    result = CliRunner().invoke(command, ["check", str(tmp_path / "a.csv"), "--channel", "ebay"])
    assert result.exit_code == 1
    assert "there are ceneo, criteo" in result.output


@pytest.mark.parametrize(
    ("name", "channel", "items", "codes"),
    [
        ("google_ola.xml", "google_merchant", 25, {"identifiers-missing"}),
        ("google_bogo4u.xml", "google_merchant", 14, {"too-long"}),
        ("google_cuttysark_au_cdata.xml", "google_merchant", 251, {"identifiers-missing"}),
        ("meta_dagra_pl.csv", "meta", None, {"price-without-currency"}),
        ("broken/google_duplicate_ids.xml", "google_merchant", 1455, {"duplicate-id"}),
        ("broken/google_truncated.xml", "google_merchant", None, {"xml-truncated"}),
    ],
)
def test_real_feeds(shared_data, name, channel, items, codes) -> None:
    status, report = check(shared_data / name, channel)
    assert status == 0
    assert items is None or report["items"] == items
    assert codes <= {issue["code"] for issue in report["issues"]}


def test_a_page_instead_of_a_feed_is_refused(shared_data) -> None:
    status, report = check(shared_data / "broken" / "html_login_page.xml", "google_merchant")
    assert (status, report["items"], report["errors"]) == (1, 0, 1)
