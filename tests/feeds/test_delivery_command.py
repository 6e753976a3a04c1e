"""Deliveries from their document to another's server, by the commands that a person types."""

from __future__ import annotations

import asyncio
import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("asyncssh", reason="the extra sftp is not installed")

from rekindle.cli import main
from rekindle.cli._compose import open_installation
from rekindle.cli._scheduler import Scheduler
from tests.egress.sshd import SSHD, Sshd

PRODUCTS = """id,title,description,link,image_link,price,availability,brand,condition,gtin
A,Sofa cover,Soft,https://shop.example/a,https://shop.example/a.jpg,199.00 PLN,in_stock,Dagra,new,5901234123457
B,Chair cover,Soft,https://shop.example/b,https://shop.example/b.jpg,99.00 PLN,in_stock,Dagra,new,5901234123457
"""


def rekindle(*arguments: str, typed: str = "") -> Result:
    environment = {"REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true"}
    return CliRunner(env=environment).invoke(main, arguments, input=typed)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("fresh") / "shop"
    assert rekindle("init", str(folder), "--origin", "https://shop.example").exit_code == 0
    (folder / "products.csv").write_text(PRODUCTS)
    (folder / "catalog.toml").write_text('[[source]]\nname = "main"\nlocation = "products.csv"\ncurrency = "PLN"\n')
    return folder


@pytest.fixture
def shop(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fresh, tmp_path / "shop"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    running = Sshd(tmp_path / "sshd")
    yield running
    running.close()


def deliveries(folder: Path, text: str) -> None:
    (folder / "feeds" / "google.toml").write_text(f'channel = "google_merchant"\n{text}')


@pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine")
def test_a_feed_is_delivered_and_the_record_of_it_is_whole(shop, server) -> None:
    deliveries(
        shop,
        f"""
[[delivery]]
name = "partner"
kind = "sftp"
location = "sftp://{server.user}@127.0.0.1:{server.port}/~/in/"
compression = "gzip"
host_key = ["{server.fingerprint}"]
private_key = {{ secret = "partner_key" }}
""",
    )
    there = ("-w", str(shop))
    applied = rekindle("apply", *there, "--yes")
    assert "there is no secret 'partner_key'" in applied.output
    assert rekindle("secrets", "set", "partner_key", *there, typed=server.private_key).exit_code == 0
    nothing = rekindle("feeds", "deliver", "google", *there)
    assert (nothing.exit_code, "never published" in nothing.output) == (1, True)
    assert rekindle("catalog", "import", *there).exit_code == 0
    assert rekindle("feeds", "build", "google", *there).exit_code == 0

    refused = rekindle("feeds", "deliver", "google", *there)
    assert refused.exit_code == 1
    assert "there is no such file or folder" in refused.output
    (server.files / "in").mkdir()
    done = rekindle("feeds", "deliver", "google", *there)
    assert (done.exit_code, done.output) == (0, "partner: version 1 delivered\n")
    with gzip.open(server.files / "in" / "google.xml.gz") as file:
        assert b"Sofa cover" in file.read()
    again = rekindle("feeds", "deliver", "google", "--to", "partner", *there)
    assert "has arrived already" in again.output
    assert "version 1 delivered" in rekindle("feeds", "deliver", "google", "--again", *there).output

    shown = rekindle("feeds", "deliveries", "google", *there).output
    assert f"google → partner (sftp://127.0.0.1:{server.port}/~/in/): version 1 since" in shown
    assert shown.count("version 1 delivered") == 2
    assert shown.count("version 1 refused") == 1
    assert server.user + "@" not in shown
    assert "google → partner" in rekindle("feeds", "deliveries", *there).output
    assert rekindle("audit", "verify", *there).exit_code == 0


@pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine")
def test_the_scheduler_takes_each_version_there_as_it_is_published(shop, server, monkeypatch) -> None:
    monkeypatch.setenv("REKINDLE_ALLOW_PRIVATE_ADDRESSES", "true")
    deliveries(
        shop,
        f"""
[[delivery]]
name = "partner"
kind = "sftp"
location = "sftp://{server.user}@127.0.0.1:{server.port}/~/"
host_key = ["{server.public_key.strip()}"]
private_key = {{ secret = "partner_key" }}
""",
    )
    rekindle("apply", "-w", str(shop), "--yes")
    rekindle("secrets", "set", "partner_key", "-w", str(shop), typed=server.private_key)

    async def run() -> list[bytes]:
        seen = []
        installation = open_installation(shop)
        scheduler = Scheduler(installation)
        try:
            for price in (b"199.00", b"149.00"):
                (shop / "products.csv").write_bytes(PRODUCTS.encode().replace(b"199.00", price))
                await asyncio.to_thread(rekindle, "catalog", "import", "-w", str(shop))
                for name in ("feeds", "packed feeds", "deliveries"):
                    await scheduler.steps()[name]()
                await scheduler.deliveries.idle()
                assert await scheduler.steps()["deliveries"]() == 0
                seen.append((server.files / "google.xml").read_bytes())
        finally:
            await scheduler.close()
            await installation.aclose()
        return seen

    first, second = asyncio.run(run())
    assert b"199.00 PLN" in first
    assert b"199.00 PLN" not in second
    assert b"149.00 PLN" in second


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "sftp"\nlocation = "sftp://h/f.xml"', "names no user"),
        ('kind = "sftp"\nlocation = "sftp://u:secret@h/f.xml"', "location holds a password"),
        ('kind = "sftp"\nlocation = "ftp://u@h/f.xml"', "must begin with sftp://"),
        ('kind = "sftp"\nlocation = "sftp://u@h/../f.xml"', "without . and .."),
        ('kind = "sftp"\nlocation = "sftp://u@h/f.xml"\npassword = { secret = "p" }', "host_key is missing"),
        ('kind = "sftp"\nlocation = "sftp://u@h/f.xml"\nhost_key = ["SHA256:x"]', "one of password = "),
        ('kind = "sftp"\nlocation = "sftp://u@h/f.xml.gz"', 'goes with compression = "gzip"'),
        ('kind = "ftps"\nlocation = "ftps://u@h/f"\npassword = { secret = "p" }\nhost_key = ["x"]', "not for ftps"),
        ('kind = "s3"\nlocation = "s3://bucket/f?colour=red"', "'colour' is not known"),
        ('kind = "s3"\nlocation = "s3://bucket/f?endpoint=http://h"', "must be an https:// address"),
        ('kind = "s3"\nlocation = "s3://bucket/f"', "access_key_id = { secret"),
        ('kind = "webhook"\nlocation = "http://h/hook"', "must begin with https://"),
        ('kind = "webhook"\nlocation = "https://h"\npassword = { secret = "p" }', "password is not for webhook"),
        ('kind = "webhook"\nlocation = "https://h"\nevery = "1h"\nat = ["06:00"]', "two schedules"),
        ('kind = "webhook"\nlocation = "https://h"\ntimezone = "Europe/Nowhere"', "not known; write one such as"),
        ('kind = "webhook"\nlocation = "https://h"\nat = ["24:00"]', "delivery"),
        ('kind = "webhook"\nlocation = "https://h"\npassword = "in clear"', "delivery"),
        ('kind = "telex"\nlocation = "telex://h"', "telex"),
    ],
)
def test_what_cannot_work_is_refused_before_it_goes_live(shop, lines, words) -> None:
    deliveries(shop, f'[[delivery]]\nname = "partner"\n{lines}\n')
    refused = rekindle("apply", "-w", str(shop), "--yes")
    assert refused.exit_code == 1
    assert "feeds/google.toml: delivery" in refused.output
    assert words in refused.output
    assert "in clear" not in refused.output


def test_names_are_told_apart(shop) -> None:
    hook = 'kind = "webhook"\nlocation = "https://h"\nsecret = { secret = "s" }\n'
    deliveries(
        shop, f'[[delivery]]\nname = "a"\n{hook}[[delivery]]\nname = "a"\n{hook}[[delivery]]\nname = "pull"\n{hook}'
    )
    refused = rekindle("apply", "-w", str(shop), "--yes")
    assert refused.output.count("name is taken") == 3


def test_what_is_not_there_is_named(shop) -> None:
    deliveries(shop, '[[delivery]]\nname = "a"\nkind = "webhook"\nlocation = "https://h"\nsecret = { secret = "s" }\n')
    there = ("-w", str(shop))
    rekindle("apply", *there, "--yes")
    assert "has no delivery 'b'; it has: a" in rekindle("feeds", "deliver", "google", "--to", "b", *there).output
    assert "there is no feed 'x'" in rekindle("feeds", "deliver", "x", *there).output
    assert "has no delivery; add a [[delivery]]" in rekindle("feeds", "deliver", "meta", *there).output
