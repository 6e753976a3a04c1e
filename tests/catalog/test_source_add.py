"""Setting up an account over real sockets, as a person does it, and importing it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rekindle.cli import main
from rekindle.egress.connector import OutRequest
from rekindle.engines.database import open_database
from tests.catalog.shops.woocommerce import WooCommerce
from tests.conftest import FakeClock
from tests.egress.sshd import SSHD, Sshd


class Served(WooCommerce):
    """The simulated shop behind a socket."""

    address = ""


@pytest.fixture
def shop() -> Iterator[Served]:
    simulated = Served(FakeClock())
    simulated.fill(6)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name: self.headers[name] for name in ("Authorization",) if name in self.headers}
            answer = simulated.send(OutRequest("GET", f"{simulated.address}{self.path}", headers, b"", ()))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    simulated.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield simulated
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = CliRunner().invoke(main, ["init", str(tmp_path / "shop"), "--name", "shop", "--catalog", "products.csv"])
    assert made.exit_code == 0, made.output
    (tmp_path / "shop" / "catalog.toml").unlink()
    database = open_database(tmp_path / "shop" / "data" / "state.db")
    database.create_all()
    database.close()
    return tmp_path / "shop"


def run(folder: Path, *words: str, given: str = "") -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true"})
    return runner.invoke(main, ["catalog", *words, "-w", str(folder)], input=given)


def test_an_account_is_asked_for_tried_written_and_imported(folder: Path, shop: Served) -> None:
    words = ["sources", "add", "woo", "--kind", "woocommerce", "--set", f"url={shop.address}"]
    wrong = run(folder, *words, given="ck_1\nwrong\n\n")
    assert wrong.exit_code == 1
    assert "refused the credentials" in wrong.output
    assert not (folder / "catalog.toml").exists()
    added = run(folder, *words, given="ck_1\ncs_1\n\n")
    assert added.exit_code == 0, added.output
    assert "Product 1" in added.output
    assert "1.50 PLN" in added.output
    written = (folder / "catalog.toml").read_text()
    assert "cs_1" not in written
    assert 'consumer_secret = { secret = "woo_consumer_secret" }' in written
    again = run(folder, *words, given="ck_1\ncs_1\n\n")
    assert again.exit_code == 1
    imported = run(folder, "import")
    assert imported.exit_code == 0, imported.output
    assert "live  woo: woocommerce as woocommerce, 8 items" in imported.output
    shown = run(folder, "show", "1")
    assert "source woo" in shown.output
    assert "price since" in shown.output


def test_of_several_ways_in_one_is_asked_for_whole(folder: Path) -> None:
    words = ["sources", "add", "shopify", "--set", "shop=acme", "--no-try"]
    added = run(folder, *words, given="\nid_1\nsecret_1\n\n")
    assert added.exit_code == 0, added.output
    assert "Dev Dashboard" in added.output, "it says where the keys are made"
    written = (folder / "catalog.toml").read_text()
    assert (
        'client_id = { secret = "shopify_client_id" }, client_secret = { secret = "shopify_client_secret" }' in written
    )
    (folder / "catalog.toml").unlink()
    added = run(folder, *words, given="token_1\n\n")
    assert added.exit_code == 0, added.output
    assert "client_id" not in (folder / "catalog.toml").read_text()


def test_the_list_names_every_setting(folder: Path) -> None:
    listed = CliRunner().invoke(main, ["catalog", "sources", "list"])
    assert listed.exit_code == 0
    for name in ("shopify", "woocommerce", "consumer_key (required)", "store_hash (required)"):
        assert name in listed.output
    unknown = run(folder, "sources", "add", "x", "--kind", "nothing")
    assert unknown.exit_code == 1
    assert "shopify" in unknown.output


def test_a_query_is_asked_for_tried_and_written(folder: Path) -> None:
    goods = sqlite3.connect(folder / "goods.db")
    goods.execute("CREATE TABLE goods (kod TEXT, nazwa TEXT, cena TEXT)")
    goods.execute("INSERT INTO goods VALUES ('7', 'Lamp', '12.50 PLN')")
    goods.commit()
    goods.close()
    wrong = run(folder, "sources", "add", "erp", "--kind", "sql", given="goods.db\nSELECT * FROM nowhere\n")
    assert wrong.exit_code == 1
    assert "goods.db: the database does not understand" in wrong.output
    assert not (folder / "catalog.toml").exists()
    words = ["sources", "add", "erp", "--kind", "sql", "--location", "goods.db"]
    unmapped = run(folder, *words, given="SELECT nazwa, cena FROM goods\n")
    assert unmapped.exit_code == 1
    assert "say which column is the id" in unmapped.output
    added = run(folder, *words, "--column", "title=nazwa", given="SELECT kod, nazwa, cena FROM goods\n")
    assert added.exit_code == 0, added.output
    assert "Lamp" in added.output
    assert "12.50 PLN" in added.output
    imported = run(folder, "import")
    assert imported.exit_code == 0, imported.output
    assert "erp: goods.db as sql, 1 items" in imported.output


def test_an_address_and_a_file_are_set_up_too(folder: Path) -> None:
    (folder / "goods.csv").write_text("id;name;price\n1;Lamp;5 PLN\n")
    page = folder / "page.csv"
    page.write_text("<html>Not here</html>")
    refused = run(folder, "sources", "add", "main", "--kind", "file", given="page.csv\n")
    assert refused.exit_code == 1
    assert "html-page" in refused.output
    added = run(folder, "sources", "add", "main", "--kind", "file", given="goods.csv\n")
    assert added.exit_code == 0, added.output
    assert (folder / "catalog.toml").read_text() == (
        '[[source]]\nname = "main"\nlocation = "goods.csv"\nevery = "1d"\n'
    )
    misspelt = run(folder, "sources", "add", "b", "--kind", "file", "--set", "header_rov=2", given="goods.csv\n")
    assert misspelt.exit_code == 1


@pytest.mark.skipif(SSHD is None, reason="there is no sshd on this machine")
def test_a_server_s_folder_is_asked_for_tried_and_written(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("asyncssh", reason="the extra sftp is not installed")
    server = Sshd(tmp_path / "d")
    try:
        there = server.files / "out"
        there.mkdir()
        (there / "goods-1.csv").write_text("id,title,price\n1,Lamp,5 PLN\n")
        os.utime(there / "goods-1.csv", (1_700_000_000, 1_700_000_000))
        key = tmp_path / "key"
        key.write_text(server.private_key)
        location = f"sftp://{server.user}@127.0.0.1:{server.port}{there}/"
        words = ["sources", "add", "erp", "--kind", "sftp", "--secret-file", f"private_key={key}"]
        wrong = run(folder, *words, given=f"{location}\nSHA256:{'A' * 43}\n\n")
        assert wrong.exit_code == 1
        assert server.fingerprint in wrong.output, "it says what to compare and write"
        added = run(folder, *words, given=f"{location}\n{server.fingerprint}\ngoods-*\n")
        assert added.exit_code == 0, added.output
        assert "Lamp" in added.output
        written = (folder / "catalog.toml").read_text()
        assert 'pattern = "goods-*"' in written
        assert 'private_key = { secret = "erp_private_key" }' in written
        assert "PRIVATE KEY" not in written
        imported = run(folder, "import")
        assert imported.exit_code == 0, imported.output
    finally:
        server.close()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('kind = "csv"\noptions = { header_rov = 2 }', "unknown option 'header_rov' (did you mean header_row?)"),
        ('kind = "xml"\noptions = { itme = "offer" }', "unknown option 'itme' (did you mean item?)"),
        ('kind = "xml"', "item is missing"),
        ("options = { suplement = true }", "unknown option 'suplement' (did you mean supplement?)"),
        ('options = { supplement = "yes" }', "supplement"),
        ("options = { max_shrink = 30 }", "max_shrink"),
        ("options = { header_row = 0 }", "header_row"),
        ('options = { volatile_images = "v" }', "volatile_images"),
        ('kind = "ceneo"\noptions = { list = "x" }', "unknown option 'list'"),
    ],
)
def test_plans_refuse_options_that_nobody_reads(folder: Path, source: str, words: str) -> None:
    (folder / "catalog.toml").write_text(f'[[source]]\nname = "main"\nlocation = "goods.csv"\n{source}\n')
    planned = CliRunner(env={"COLUMNS": "300"}).invoke(main, ["plan", "-w", str(folder)])
    assert planned.exit_code == 1
    assert words in planned.output.replace("\n", " ")
