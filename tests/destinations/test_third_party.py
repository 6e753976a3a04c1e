"""A destination from another distribution: installed by its entry point, it is here; ours cannot be replaced by it."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.cli._worker import tell_set_aside
from rekindle.destinations import openai
from rekindle.model.discover import discover

GROUP = "rekindle.destinations"


def distribution(site: Path, package: str, entries: str) -> None:
    """Install what `pip install` would: a package, and the metadata that names its entry points."""
    folder = site / package
    shutil.copytree(Path(openai.__path__[0]), folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*.py"):
        moved = path.read_text().replace("rekindle.destinations.openai", package)
        path.write_text(moved.replace('"openai"', f'"{package}"').replace("bzr.openai.com", "events.ads.example"))
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace("bzr.openai.com", "events.ads.example"))
    metadata = site / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    """Forget what a test installed and loaded: the next one installs another package under the same name."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"shop_ads", "thief", "ads_of_others"}:
            del sys.modules[name]


def test_it_is_found_tried_and_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    distribution(tmp_path, "shop_ads", "shop_ads = shop_ads")
    monkeypatch.syspath_prepend(str(tmp_path))
    example = json.loads((tmp_path / "shop_ads/examples/events.json").read_text())[1]
    line = json.dumps({"id": 1, "destination": "shop_ads"} | {key: example[key] for key in ("now", "config", "events")})
    tried = CliRunner().invoke(main, ["destinations", "preview"], input=line)
    assert json.loads(tried.output)["requests"][0]["body"] == example["requests"][0]["body"]
    assert json.loads(tried.output)["requests"][0]["url"].startswith("https://events.ads.example/")
    assert "shop_ads" in CliRunner().invoke(main, ["destinations", "list"]).output
    shop = tmp_path / "shop"
    CliRunner().invoke(main, ["init", str(shop), "--name", "shop"])
    words = ["destinations", "add", "ads", "--kind", "shop_ads", "--no-send", "-w", str(shop)]
    added = CliRunner().invoke(main, words, input="pix\nkey\n")
    assert added.exit_code == 0, added.output
    assert tomllib.loads((shop / "destinations/ads.toml").read_text())["kind"] == "shop_ads"
    planned = CliRunner().invoke(main, ["plan", "-w", str(shop)])
    assert planned.exit_code == 0, planned.output


def test_one_of_ours_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    distribution(tmp_path, "thief", "meta = thief")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert discover(GROUP)["meta"].__name__ == "rekindle.destinations.meta"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def broken(:", "SyntaxError"),
        ("raise ValueError('EAAB-a-secret')", "ValueError)"),
        ("manifest = None", "it has no configure, classify"),
    ],
)
def test_one_that_cannot_be_loaded_is_set_aside_and_stops_nobody_else(
    code: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    distribution(tmp_path, "ads_of_others", "ads_of_others = ads_of_others")
    (tmp_path / "ads_of_others/__init__.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = discover(GROUP)
    assert "ads_of_others" not in found
    assert "ads_of_others" not in set(found)
    assert len(found) == len(list(found))
    assert words in found.set_aside["ads_of_others"]
    assert "EAAB" not in found.set_aside["ads_of_others"]
    with structlog.testing.capture_logs() as logged:
        tell_set_aside()
    assert [(line["event"], line["destination"]) for line in logged] == [("connector set aside", "ads_of_others")]
    listed = CliRunner().invoke(main, ["destinations", "list"])
    assert listed.exit_code == 0
    assert words in listed.stderr
    assert "meta: " in listed.stdout
    shop = tmp_path / "shop"
    CliRunner().invoke(main, ["init", str(shop), "--name", "shop"])
    assert CliRunner().invoke(main, ["plan", "-w", str(shop)]).exit_code == 0
    consent = '[consent]\nconsent_mode = ["ad_storage"]\n'
    (shop / "destinations").mkdir(exist_ok=True)
    (shop / "destinations/ads.toml").write_text(f'kind = "ads_of_others"\n{consent}')
    planned = CliRunner().invoke(main, ["plan", "-w", str(shop)])
    assert planned.exit_code == 1
    assert (
        "destinations/ads.toml: kind = 'ads_of_others' is not known; ads_of_others cannot be loaded" in planned.output
    )


def test_one_of_ours_is_loaded_when_it_is_asked_for():
    code = (
        "import sys; from rekindle.model.discover import discover; found = discover('rekindle.destinations');"
        "assert 'meta' in found; assert 'rekindle.destinations.meta' not in sys.modules;"
        "found['meta']; assert 'rekindle.destinations.tiktok' not in sys.modules; assert len(found) > 20"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
