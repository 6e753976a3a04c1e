"""`rekindle feeds` on an installation, as a person uses it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import main

HEADER = "id,title,description,price,link,image_link,availability,brand,gtin\n"
RULE = """
[[rule]]
do = "if"
attribute = "custom_label_0"
when = "performance.views > 0"
value = "seen"
otherwise = "unseen"
"""


def goods(*titles: str) -> str:
    return HEADER + "".join(
        f"{title[0]},{title},Soft and washable.,5.00 PLN,https://s.example/{title[0]},https://s.example/i.jpg,in stock,D,5901234123457\n"
        for title in titles
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    made = CliRunner().invoke(main, ["init", str(folder), "--name", "shop", "--catalog", "products.csv"])
    assert made.exit_code == 0, made.output
    for file in (folder / "feeds").glob("*.toml"):
        file.unlink()
    (folder / "feeds" / "meta.toml").write_text('channel = "meta"\n' + RULE)
    (folder / "products.csv").write_text(goods("Ann", "Bert", "Cid"))
    applied = run(folder, "apply", "--yes", "--author", "ewa")
    assert applied.exit_code == 0, applied.output
    assert run(folder, "catalog", "import").exit_code == 0
    return folder


def run(shop: Path, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, [*words, "-w", str(shop)])


def test_build_diff_and_go_back(shop: Path) -> None:
    built = run(shop, "feeds", "build")
    assert built.exit_code == 0, built.output
    assert "meta: version 1, 3 items" in built.output
    (shop / "products.csv").write_text(goods("Ann", "Bo", "Cid"))
    assert run(shop, "catalog", "import").exit_code == 0
    assert "version 2, 3 items" in run(shop, "feeds", "build", "meta").output
    assert "~ B title: 'Bert' -> 'Bo'" in run(shop, "feeds", "diff", "meta", "1", "2").output
    back = run(shop, "feeds", "rollback", "meta", "--author", "ewa")
    assert "version 1 is live again" in back.output, back.output


def test_explain_and_preview_know_what_visitors_did(shop: Path) -> None:
    assert "'unseen'; published" in run(shop, "feeds", "explain", "meta", "A", "custom_label_0").output
    (shop / "feeds" / "meta.toml").write_text('channel = "meta"\n')
    shown = run(shop, "feeds", "preview", "meta")
    assert "~ A custom_label_0: 'unseen' -> None" in shown.output, shown.output


def test_a_file_without_a_version(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "meta.csv"
    target.parent.mkdir()
    said = run(shop, "feeds", "write", "meta", str(target))
    assert (said.exit_code, "nothing was published" in said.output) == (0, True), said.output
    assert [path.name for path in target.parent.iterdir()] == ["meta.csv"]
    assert [line.split(",")[0] for line in target.read_text().splitlines()] == ["id", "A", "B", "C"]
    refused = run(shop, "feeds", "write", "other", str(target))
    assert (refused.exit_code, "'other'" in refused.output) == (1, True)


def test_another_specification(shop: Path, tmp_path: Path) -> None:
    spec = files("rekindle.feeds.channels.meta").joinpath("spec.toml").read_text("utf-8")
    same = tmp_path / "same.toml"
    same.write_text(spec)
    kept = run(shop, "feeds", "spec", "meta", "--against", str(same))
    assert (kept.exit_code, "0 newly broken" in kept.output) == (0, True), kept.output
    stricter = tmp_path / "stricter.toml"
    stricter.write_text(spec.replace('name = "size"\n', 'name = "size"\nrequired = true\n', 1))
    broken = run(shop, "feeds", "spec", "meta", "--against", str(stricter))
    assert broken.exit_code == 1
    assert "size required: False -> True" in broken.output
    assert "3 newly broken" in broken.output
    assert "- A broken" in broken.output
    damaged = tmp_path / "damaged.toml"
    damaged.write_text("channel = ")
    refused = run(shop, "feeds", "spec", "meta", "--against", str(damaged))
    assert (refused.exit_code, "damaged.toml" in refused.output) == (1, True)
