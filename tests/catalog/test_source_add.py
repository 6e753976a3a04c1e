"""Setting up an account over real sockets, as a person does it, and importing it."""

from __future__ import annotations

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


def test_the_list_names_every_setting(folder: Path) -> None:
    listed = CliRunner().invoke(main, ["catalog", "sources", "list"])
    assert listed.exit_code == 0
    for name in ("shopify", "woocommerce", "consumer_key (required)", "store_hash (required)"):
        assert name in listed.output
    unknown = run(folder, "sources", "add", "x", "--kind", "nothing")
    assert unknown.exit_code == 1
    assert "shopify" in unknown.output
