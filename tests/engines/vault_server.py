"""A small Vault: the transit engine's encrypt, decrypt, rewrap and rotate, as its public API documents them."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.canary-token-0123456789"
_PATH = re.compile(r"/v1/transit/(encrypt|decrypt|rewrap)/([^/]+)")


class Refused(Exception):
    """Answered with a status and ``{"errors": […]}``."""


class TransitServer:
    """``keys`` holds the versions of each wrapping key, ``seen`` the requests (action, key, body, headers)."""

    def __init__(self) -> None:
        self.keys: dict[str, list[bytes]] = {"rekindle": [os.urandom(32)]}
        self.sealed = False
        self.denied: set[str] = set()
        self.answer: tuple[int, bytes] | None = None
        self.seen: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.address = ""

    def rotate(self, name: str = "rekindle") -> None:
        """What ``POST /transit/keys/:name/rotate`` does."""
        self.keys[name].append(os.urandom(32))

    def handle(self, path: str, headers: dict[str, str], body: dict[str, str]) -> dict[str, str]:
        """Return ``data`` of the answer. Raises `Refused`."""
        if self.sealed:
            raise Refused(503, "Vault is sealed")
        found = _PATH.fullmatch(path)
        if found is None:
            raise Refused(404, "no handler for route")
        action, name = found[1], found[2]
        self.seen.append((action, name, body, headers))
        if headers.get("x-vault-token") != TOKEN or action in self.denied:
            raise Refused(403, "permission denied")
        if name not in self.keys:
            raise Refused(400, "encryption key not found")
        if action == "encrypt":
            return {"ciphertext": self._encrypt(name, base64.b64decode(body["plaintext"], validate=True))}
        plain = self._decrypt(name, body["ciphertext"])
        if action == "rewrap":
            return {"ciphertext": self._encrypt(name, plain)}
        return {"plaintext": base64.b64encode(plain).decode()}

    def _encrypt(self, name: str, plain: bytes) -> str:
        nonce, version = os.urandom(12), len(self.keys[name])
        sealed = nonce + AESGCM(self.keys[name][-1]).encrypt(nonce, plain, None)
        return f"vault:v{version}:{base64.b64encode(sealed).decode()}"

    def _decrypt(self, name: str, text: str) -> bytes:
        _, version, sealed = text.split(":")
        raw = base64.b64decode(sealed)
        try:
            return AESGCM(self.keys[name][int(version[1:]) - 1]).decrypt(raw[:12], raw[12:], None)
        except (InvalidTag, IndexError):
            raise Refused(400, "invalid ciphertext: could not decrypt " + text) from None


@contextmanager
def transit_server() -> Iterator[TransitServer]:
    """Run one on a free loopback port."""
    state = TransitServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            try:
                status, answer = (
                    200,
                    json.dumps({"request_id": "1", "data": state.handle(self.path, headers, json.loads(body))}),
                )
            except Refused as refused:
                status, answer = refused.args[0], json.dumps({"errors": [refused.args[1]]})
            content = answer.encode()
            if state.answer is not None:
                status, content = state.answer
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
