"""The master key wrapped by the transit engine of HashiCorp Vault: without Vault, nobody has it.

Vault keeps the wrapping key and never hands it out; what is kept here is the ciphertext ``vault:v<version>:…``.
Source: Vault HTTP API, transit secrets engine: encrypt, decrypt and rewrap data.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from rekindle.engines.keys.protocol import KEY_BYTES, KeyUnavailable

_MAX_ANSWER: Final = 1 << 16
_KEPT: Final = re.compile(r"vault:v[1-9][0-9]*:[A-Za-z0-9+/]+=*")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class VaultTransit:
    """Asks ``POST <address>/v1/<mount>/<encrypt|decrypt|rewrap>/<name>`` and follows no redirect.

    The token is read anew for each call, so that an agent may renew its file. Its policy needs ``update`` on the three
    paths; a process that only runs needs ``decrypt`` alone. The address is https, or http on this machine (an agent
    beside the process). ``ca_file`` is for a private authority; ``namespace`` for Vault Enterprise. Raises
    `KeyUnavailable` where these cannot be used.
    """

    def __init__(
        self,
        address: str,
        token_file: Path,
        name: str,
        *,
        mount: str = "transit",
        namespace: str = "",
        ca_file: Path | None = None,
        timeout_seconds: float = 10,
    ) -> None:
        self._url = _address(address)
        self._token_file = token_file
        self._name = name
        self._mount = mount.strip("/")
        self._namespace = namespace
        self._ca_file = ca_file
        self._timeout = timeout_seconds
        if not name or not self._mount:
            raise KeyUnavailable("Vault: the key's name or the mount is empty; set REKINDLE_VAULT_KEY and _MOUNT")

    def wrap(self, key: bytes) -> str:
        """See `KeyWrapping.wrap`."""
        return self._kept("encrypt", {"plaintext": base64.b64encode(key).decode()})

    def unwrap(self, kept: str) -> bytes:
        """See `KeyWrapping.unwrap`."""
        text = self._ask("decrypt", {"ciphertext": _wrapped(kept)}, "plaintext")
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyUnavailable(f"{self._place()}: what was unwrapped is not {KEY_BYTES} bytes; is it the right file?")
        return key

    def rewrap(self, kept: str) -> str:
        """See `KeyWrapping.rewrap`. Vault does it: the key itself does not travel."""
        return self._kept("rewrap", {"ciphertext": _wrapped(kept)})

    def _kept(self, action: str, body: dict[str, str]) -> str:
        text = self._ask(action, body, "ciphertext")
        if not _KEPT.fullmatch(text):
            raise KeyUnavailable(f"{self._place()}: the answer to {action} is no ciphertext of Vault")
        return text

    def _ask(self, action: str, body: dict[str, str], field: str) -> str:
        path = f"{self._url.path.rstrip('/')}/v1/{quote(self._mount)}/{action}/{quote(self._name, safe='')}"
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true", "Content-Type": "application/json"}
        if self._namespace:
            headers["X-Vault-Namespace"] = self._namespace
        try:
            connection = self._connection()
            try:
                connection.request("POST", path, msgspec.json.encode(body), headers)
                with connection.getresponse() as response:
                    status, answer = response.status, response.read(_MAX_ANSWER + 1)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            # The type alone: an error of the HTTP client may quote a header, and the token is one.
            raise KeyUnavailable(
                f"{self._place()} does not answer ({type(error).__name__}); nothing opens without the master key"
            ) from None
        if status != 200:
            raise KeyUnavailable(f"{self._place()}: {self._reason(status, action)}")
        try:
            found = msgspec.json.decode(answer, type=dict[str, Any])["data"][field]
        except (msgspec.MsgspecError, KeyError, TypeError):
            found = None
        if not isinstance(found, str) or len(answer) > _MAX_ANSWER:
            raise KeyUnavailable(f"{self._place()}: the answer to {action} is not Vault's; check the address")
        return found

    def _connection(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, self._url.port or 80, timeout=self._timeout)
        context = ssl.create_default_context(cafile=None if self._ca_file is None else str(self._ca_file))
        return http.client.HTTPSConnection(host, self._url.port or 443, timeout=self._timeout, context=context)

    def _token(self) -> str:
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise KeyUnavailable(
                f"{self._token_file}: Vault's token cannot be read ({type(error).__name__}); set REKINDLE_VAULT_TOKEN_FILE"
            ) from None
        if not _TOKEN.fullmatch(token):
            raise KeyUnavailable(f"{self._token_file}: this is not one token of Vault on one line")
        return token

    def _place(self) -> str:
        return f"Vault at {self._url.scheme}://{self._url.netloc}"

    def _reason(self, status: int, action: str) -> str:
        where = f"{self._mount}/{action}/{self._name}"
        match status:
            case 400:
                return f"refused {where} (400); the key does not exist there, or another one wrapped the master key"
            case 403:
                return f"the token may not {where} (403); it has ended, or its policy lacks `update` there"
            case 404:
                return f"there is no {where} (404); is the transit engine mounted there?"
            case 503:
                return "is sealed or in maintenance (503); unseal it"
            case 301 | 302 | 307 | 308:
                return f"redirects ({status}), which is not followed with a token; name the active node"
            case _:
                return f"answered {status} to {where}"


def _address(address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        usable = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        url, usable = urlsplit(""), False
    if not usable or url.scheme not in ("https", "http") or url.username is not None or url.query or url.fragment:
        raise KeyUnavailable("REKINDLE_VAULT_ADDR is no address such as https://vault.example:8200")
    if url.scheme == "http" and not _local(url.hostname or ""):
        raise KeyUnavailable("REKINDLE_VAULT_ADDR: http would show the master key to the network; use https")
    return url


def _local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wrapped(kept: str) -> str:
    if not _KEPT.fullmatch(kept):
        raise KeyUnavailable(
            "the master key is not wrapped by Vault; `rekindle masterkey wrap` does it, or unset REKINDLE_VAULT_ADDR"
        )
    return kept
