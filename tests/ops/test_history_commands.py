"""`rekindle archive`, `replay` and `rebuild` on an installation as `init` makes it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rekindle.cli import _compose, main
from rekindle.cli._documents import read_folder
from rekindle.engines.log import Keyed
from rekindle.model.clock import rfc3339, system_clock
from rekindle.model.record import encode
from rekindle.ops.archive import ArchiveWriter
from rekindle.profiles import totals
from tests.visits import did

HOUR = 3_600_000
SHOP = 'name = "shop"\ntitle = "Shop"\norigins = ["https://shop.test"]\ncountry = "PL"\ncurrency = "PLN"\n'
HOOK = (
    'kind = "webhook"\n[consent]\nconsent_mode = ["ad_storage"]\n'
    '[settings]\nurl = "https://hook.test/"\nsecret = { secret = "hook" }\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop with three archived events, trimmed from the log, and two that are not archived yet."""
    (tmp_path / "shop.toml").write_text(SHOP)
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "hook.toml").write_text(HOOK)
    settings = _compose.settings_for(tmp_path, None)
    _compose.create(settings)
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(folder: Path) -> None:
    installation = _compose.open_installation(folder)
    installation.database.create_all()
    installation.versions.apply(read_folder(folder), "test", "")
    log, now = installation.log, system_clock()
    later = ArchiveWriter(log, installation.database, installation.blobs, folder / "work", lambda: now + HOUR)
    await log.append([Keyed("", encode(did("view_item", "hat", at=now, event_id=f"old{n}"))) for n in range(3)])
    assert await later.step() == 3
    assert await log.trim(now + HOUR) == 3
    await log.append([Keyed("", encode(did("purchase", "hat", at=now, event_id=f"new{n}"))) for n in range(2)])
    await installation.aclose()


def run(*words: str | Path) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_manifest_is_shown_checked_and_laid_out(folder: Path) -> None:
    (line,) = run("archive", "list", "-w", folder, "--json").splitlines()
    file = json.loads(line)
    assert (file["workspace"], file["rows"]) == ("shop", 3)
    assert file["digest"] in run("archive", "list", "-w", folder)
    assert "1 of 1" in run("archive", "verify", "-w", folder)
    run("archive", "export", "-w", folder, folder / "out")
    assert len(list((folder / "out").rglob("*.parquet"))) == 1
    blob = next(path for path in (folder / "data" / "blobs").rglob(file["digest"]))
    blob.chmod(0o600)
    blob.write_bytes(b"PAR1 no longer")
    done = CliRunner().invoke(main, ["archive", "verify", "-w", str(folder)])
    assert done.exit_code == 1
    assert "0 of 1" in done.output


def test_a_replay_takes_archive_and_log(folder: Path) -> None:
    now = system_clock()
    times = ["--from", rfc3339(now - HOUR), "--to", rfc3339(now + HOUR), "--destination", "hook"]
    assert "5 event(s) would wait" in run("replay", "-w", folder, *times, "--dry-run")
    assert "0 event(s) would wait" in run("replay", "-w", folder, *times, "--dry-run", "--outcome", "dead")
    assert "5 event(s) wait" in run("replay", "-w", folder, *times)
    assert "0 event(s) wait" in run("replay", "-w", folder, *times)
    wrong = CliRunner().invoke(main, ["replay", "-w", str(folder), *times[:-1], "elsewhere"])
    assert wrong.exit_code == 1
    assert "there are: hook" in wrong.output
    assert CliRunner().invoke(main, ["replay", "-w", str(folder), "--from", "yesterday"]).exit_code == 2


def test_views_are_made_again_from_archive_and_log(folder: Path) -> None:
    assert "5 record(s)" in run("rebuild", "-w", folder, "profiles", "--yes")
    run("rebuild", "-w", folder, "audiences", "--yes")
    installation = _compose.open_installation(folder)
    assert totals(installation.database, "shop", 0).accepted == {"view_item": 3, "purchase": 2}
    installation.close()


def test_dropped_hours_are_in_the_ledger(folder: Path) -> None:
    assert "Removed 0 file(s)" in run("archive", "drop", "-w", folder, "--before", "2020-01-01T00:00:00Z", "-y")
    later = rfc3339(system_clock() + 2 * HOUR)
    assert "Removed 1 file(s) with 3 record(s)" in run("archive", "drop", "-w", folder, "--before", later, "-y")
    assert run("archive", "list", "-w", folder) == ""
