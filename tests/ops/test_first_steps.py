"""The first commands of an installation, and what they say when something is not as it should be."""

from __future__ import annotations

import errno
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from rekindle.cli import main
from rekindle.cli._demo.ports import free as free_ports
from rekindle.cli._faults import in_words

DESTINATION = """
kind = "meta"

[consent]
consent_mode = ["ad_storage", "ad_user_data", "ad_personalization"]

[settings]
pixel_id = "1234567890"
access_token = { secret = "meta_token" }
"""


def rekindle(*arguments: str, typed: str = "", **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, arguments, input=typed)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    made = rekindle("init", str(folder), "--origin", "https://shop.example")
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as held:
        if sys.platform == "linux":
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as a gateway does
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


@pytest.mark.parametrize("role", ["gateway", "console", "worker", "scheduler"])
def test_a_port_that_is_taken_is_told_before_anything_starts(shop: Path, taken: int, role: str) -> None:
    rekindle("apply", "-w", str(shop), "--yes")
    names = ("gateway", "console", "worker", "scheduler")
    ports = {f"REKINDLE_{name.upper()}_PORT": str(port) for name, port in zip(names, free_ports(4), strict=True)}
    answer = rekindle("serve", "-w", str(shop), **ports | {f"REKINDLE_{role.upper()}_PORT": str(taken)})
    assert answer.exit_code == 1
    assert f"{role}: cannot listen on 127.0.0.1 port {taken}" in answer.output
    assert f"REKINDLE_{role.upper()}_PORT" in answer.output


def test_a_role_alone_tells_it_too(shop: Path, taken: int) -> None:
    rekindle("apply", "-w", str(shop), "--yes")
    answer = rekindle("serve", "worker", "-w", str(shop), REKINDLE_WORKER_PORT=str(taken))
    assert answer.exit_code == 1
    assert f"worker: cannot listen on 127.0.0.1 port {taken}" in answer.output


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_a_secret_that_is_not_stored_is_told_and_holds_nothing_up(shop: Path, command: tuple[str, ...]) -> None:
    (shop / "destinations").mkdir()
    (shop / "destinations" / "meta.toml").write_text(DESTINATION)
    answer = rekindle(*command, "-w", str(shop))
    assert answer.exit_code == 0, answer.output
    assert "destinations/meta.toml: settings: access_token: there is no secret 'meta_token'" in answer.output
    assert "rekindle secrets set meta_token" in answer.output
    rekindle("secrets", "set", "-w", str(shop), "meta_token", typed="EAAB")
    assert "there is no secret" not in rekindle(*command, "-w", str(shop)).output


def test_a_lost_master_key_is_never_replaced_by_a_new_one(shop: Path) -> None:
    key = shop / "data" / "keys" / "master.key"
    kept = key.read_bytes()
    key.unlink()
    for command in (("init", str(shop), "--origin", "https://shop.example"), ("plan", "-w", str(shop))):
        answer = rekindle(*command)
        assert answer.exit_code == 1
        assert "restore master.key from the backup" in answer.output
        assert not key.exists()
    key.write_bytes(kept)
    assert rekindle("plan", "-w", str(shop)).exit_code == 0


def test_where_nothing_was_sealed_init_is_the_remedy(shop: Path, tmp_path: Path) -> None:
    answer = rekindle("plan", "-w", str(shop), "--data", str(tmp_path / "elsewhere"))
    assert answer.exit_code == 1
    assert "run `rekindle init`" in answer.output


def test_init_over_what_a_newer_release_wrote_is_refused_in_words(shop: Path) -> None:
    with sqlite3.connect(shop / "data" / "state.db") as state:
        state.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    state.close()
    answer = rekindle("init", str(shop), "--origin", "https://shop.example")
    assert answer.exit_code == 1
    assert "the state database is at migration ffffffffffff" in answer.output


def test_init_with_another_installations_master_key_is_refused_in_words(shop: Path) -> None:
    (shop / "data" / "keys" / "master.key").write_text("ab" * 32)
    answer = rekindle("init", str(shop), "--origin", "https://shop.example")
    assert answer.exit_code == 1
    assert "was sealed with another master key" in answer.output
    assert isinstance(answer.exception, SystemExit)


def test_the_address_of_a_feed_to_give_away(shop: Path) -> None:
    def address(*more: str) -> str:
        answer = rekindle("feeds", "address", "google", "-w", str(shop), *more)
        return answer.output.strip()

    assert rekindle("apply", "-w", str(shop), "--yes").exit_code == 0
    assert address() == "https://shop.example/feeds/shop/google.xml"
    assert "no token" in address("--for", "30d")
    feed = shop / "feeds" / "google.toml"
    feed.write_text('token = "a b"\n' + feed.read_text())
    assert rekindle("apply", "-w", str(shop), "--yes").exit_code == 0
    assert address() == "https://shop.example/feeds/shop/google.xml?token=a+b"
    assert "&signature=" in address("--for", "30d")
    assert "write 12h or 30d" in address("--for", "soon")


def test_the_data_folder_is_kept_out_of_repositories(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    rekindle("init", str(inside), "--data", str(inside / "own"))
    told = rekindle("init", str(outside), "--data", str(tmp_path / "elsewhere")).output
    assert f"rekindle apply -w {outside} --data {tmp_path / 'elsewhere'}" in told, "what is told to do next works"
    assert "/own/" in (inside / ".gitignore").read_text().splitlines()
    assert not (outside / ".gitignore").exists()
    (inside / ".gitignore").write_text("mine\n")
    rekindle("init", str(inside), "--data", str(inside / "own"))
    assert (inside / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"REKINDLE_GATEWAY_PORT": "abc"}, "REKINDLE_GATEWAY_PORT = 'abc'"),
        ({"REKINDLE_DATABASE_URL": "mysqlx://ola:hunter2@host/x"}, "database_url cannot be read"),
        ({"REKINDLE_DATABASE_URL": "hunter2"}, "database_url cannot be read"),
        ({"REKINDLE_DATABASE_URL": "postgresql+psycopg://ola:hunter2@127.0.0.1:1/x"}, "does not answer"),
        ({"REKINDLE_BLOBS_URL": "s4://hunter2"}, "expected s3://bucket/prefix"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_in_words(shop: Path, environment: dict[str, str], said: str) -> None:
    rekindle("apply", "-w", str(shop), "--yes")
    answer = rekindle("catalog", "import", "-w", str(shop), **environment)
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit), "no trace"
    assert said in answer.output
    assert "hunter2" not in answer.output


def test_a_damaged_state_database_is_told_in_words(shop: Path) -> None:
    (shop / "data" / "state.db").write_bytes(b"no database at all" * 500)
    for left in ("state.db-wal", "state.db-shm"):
        (shop / "data" / left).unlink(missing_ok=True)
    answer = rekindle("plan", "-w", str(shop))
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)
    assert "is damaged" in answer.output
    assert "backup" in answer.output


def test_a_full_disk_is_told_in_words_and_a_fault_of_the_program_keeps_its_trace() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/var/lib/rekindle/x")
    assert "no space is left for /var/lib/rekindle/x" in (in_words(full) or "")
    assert "may not do that" in (in_words(PermissionError(errno.EACCES, "Permission denied", "/x")) or "")
    broken = sqlite3.OperationalError("no such table: x")
    assert in_words(sa.exc.OperationalError("SELECT 1", {}, broken)) is None
    assert in_words(KeyError("x")) is None


def test_apply_refuses_a_feed_that_cannot_be_built(shop: Path) -> None:
    with (shop / "feeds" / "google.toml").open("a") as file:
        file.write('\n[[rule]]\ndo = "set"\nattribute = "colour"\nvalue = "red"\n')
    answer = rekindle("apply", "-w", str(shop), "--yes")
    assert answer.exit_code == 1
    assert "'colour' is no attribute of google_merchant" in answer.output
    assert "nothing is live yet" in rekindle("serve", "-w", str(shop)).output
