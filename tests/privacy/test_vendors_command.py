"""`rekindle vendors import` from a file and over https, as an operator runs it, and what decides afterwards."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rekindle.cli import main
from rekindle.cli._compose import open_installation
from tests.privacy.test_vendor_lists import document


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    assert run("init", folder, "--name", "shop").exit_code == 0
    return folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def versions(shop: Path) -> list[int]:
    installation = open_installation(shop)
    try:
        return [one.version for one in installation.vendors.stored()]
    finally:
        installation.close()


def test_a_file_is_imported_and_then_read_by(shop: Path, tmp_path: Path) -> None:
    file = tmp_path / "vendor-list.json"
    for version in (3, 4):
        file.write_bytes(document(version))
        done = run("vendors", "import", "-w", shop, "--author", "Ola", file)
        assert done.exit_code == 0, done.output
        assert f"Vendor list {version} of 2026-0{version}-01T16:00:00" in done.output
        assert "2 vendors" in done.output
    assert versions(shop) == [4, 3]
    status = run("vendors", "status", "-w", shop).output
    assert "version 4, published 2026-04-01T16:00:00" in status
    assert "excerpt" not in status
    installation = open_installation(shop)
    try:
        assert installation.vendors.read_by(3).version == 3
        assert installation.vendors.read_by(200).version == 4
        assert sorted(installation.vendors.read_by(4).vendors) == [91, 1126]
    finally:
        installation.close()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>not found</html>", "not JSON"),
        (b"{}", "missing"),
        (b'{"vendorListVersion": 5, "vendors": {}}', "lastUpdated"),
    ],
)
def test_what_is_no_list_changes_nothing(shop: Path, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "vendor-list.json"
    file.write_bytes(content)
    refused = run("vendors", "import", "-w", shop, file)
    assert refused.exit_code == 1
    assert says in refused.output
    assert versions(shop) == []


def test_places_that_cannot_be_read_are_named(shop: Path, tmp_path: Path) -> None:
    assert "nowhere.json" in run("vendors", "import", "-w", shop, tmp_path / "nowhere.json").output
    assert "only https" in run("vendors", "import", "-w", shop, "http://vendor-list.example/v3.json").output
    inside = run("vendors", "import", "-w", shop, "https://127.0.0.1:9/vendor-list.json")
    assert inside.exit_code == 1
    assert "leads to" in inside.output  # an address inside one's own network
    assert versions(shop) == []


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of its own: its address, and the authority's file."""
    certificate = _certificate(tmp_path)
    answers = {"/v3/vendor-list.json": document(4), "/page": b"<html>"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = answers.get(self.path.partition("?")[0])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", certificate
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_https_address_is_imported(shop: Path, https: tuple[str, Path]) -> None:
    address, authority = https

    def command(path: str) -> subprocess.CompletedProcess[str]:
        # A process of its own: whom it trusts is settled when it starts.
        words = ["vendors", "import", "-w", str(shop), address + path]
        given = {"SSL_CERT_FILE": str(authority), "REKINDLE_ALLOW_PRIVATE_ADDRESSES": "true"}
        call = [sys.executable, "-c", "from rekindle.cli import main; main()", *words]
        return subprocess.run(call, capture_output=True, text=True, env=os.environ | given, timeout=120, check=False)

    missing = command("/v2?key=canary-key")
    assert missing.returncode == 1
    assert "404" in missing.stderr
    assert "canary-key" not in missing.stdout + missing.stderr
    assert "not JSON" in command("/page").stderr
    assert versions(shop) == []
    done = command("/v3/vendor-list.json")
    assert done.returncode == 0, done.stderr
    assert "Vendor list 4" in done.stdout
    assert versions(shop) == [4]
    assert not list((shop / "data" / "downloads").iterdir())


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
