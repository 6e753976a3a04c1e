"""A backup is restored that knows people who were erased since: they are erased again, by a list kept apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from rekindle.cli import main
from rekindle.model.record import Stored
from rekindle.privacy.subjects import again
from tests.conftest import FakeClock
from tests.privacy.house import House, holding


async def test_a_restored_backup_brings_nobody_back(tmp_path: Path, clock: FakeClock) -> None:
    house = House(tmp_path / "data", clock)
    if house.installation.settings.database_url:
        await house.close()
        pytest.skip("the backup is a copy of the SQLite files")
    for who in ("anna", "bela"):
        await house.take(
            house.event(f"e-{who}", client={"client_id": f"cookie-{who}"}, user={"email": f"canary{who}@x.example"})
        )
    await house.settle()
    events = {record.event_id: record for record in await house.records() if isinstance(record, Stored)}
    await house.close()
    shutil.copytree(tmp_path / "data", tmp_path / "backup")

    house = House(tmp_path / "data", clock)
    await house.erase("canaryanna@x.example")
    kept = again.written(house.installation.database)
    assert "anna" not in kept
    await house.close()
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")

    house = House(tmp_path / "data", clock)
    vault = house.installation.vault
    anna, bela = events["e-anna"], events["e-bela"]
    assert vault.open("shop", anna.subject, anna.sealed) is not None  # the restore has brought her back
    await house.close()
    (tmp_path / "erased.txt").write_text(kept)
    # The command's clock is the machine's: a request it makes is as good.
    result = _run(tmp_path, "reapply", str(tmp_path / "erased.txt"))
    assert "1 people were there again" in result
    house = House(tmp_path / "data", clock)
    assert house.installation.vault.open("shop", anna.subject, anna.sealed) is None
    assert house.installation.vault.open("shop", bela.subject, bela.sealed) is not None
    assert [record.event_id for record in await house.records() if isinstance(record, Stored)] == ["e-bela"]
    assert holding(tmp_path / "data", [anna.subject.encode(), *(name.encode() for name in anna.user_subjects)]) == {}
    clock.advance(2000)
    back = house.event("again", client={"client_id": "cookie-anna"})
    assert (await house.take(back)).json()["accepted"] == 0
    await house.close()
    assert "0 people were there again" in _run(tmp_path, "reapply", str(tmp_path / "erased.txt"))
    assert "entries" in _run(tmp_path, "erased", "--out", str(tmp_path / "new.txt"))
    assert {entry.subject for entry in again.parse((tmp_path / "new.txt").read_text())} >= {
        entry.subject for entry in again.parse(kept)
    }


def _run(folder: Path, *words: str) -> str:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    def work() -> str:
        asyncio.set_event_loop(None)
        result = CliRunner().invoke(main, ["subject", *words, "--data", str(folder / "data")])
        assert result.exit_code == 0, result.output
        return result.output

    with ThreadPoolExecutor(1) as one:  # the command runs an event loop of its own
        return one.submit(work).result()


@pytest.mark.parametrize("text", ["", "something else\n", "rekindle erased people 1\n{}\n"])
def test_what_is_no_list_is_refused_with_the_line(text: str) -> None:
    with pytest.raises(again.ListInvalid, match=r"line [12]"):
        again.parse(text)
