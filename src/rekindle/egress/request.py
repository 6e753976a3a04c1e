"""Small shared parts of request building: JSON as platforms want it, and the host a setting allows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from rekindle.egress.connector import SettingsError

_json = msgspec.json.Encoder(decimal_format="number")


def encode(body: Any) -> bytes:
    """Return compact UTF-8 JSON; decimals become numbers, exactly as written."""
    return _json.encode(body)


def host_of(url: str) -> str:
    """Return the host of an ``http(s)`` URL, with its port where that is not the scheme's own. "" when it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    standard = 443 if parts.scheme == "https" else 80
    return parts.hostname if port in (None, standard) else f"{parts.hostname}:{port}"


def account_host(destination: str, setting: str, url: str) -> str:
    """Return `host_of` a setting's URL. Raises `SettingsError`; clear text is allowed to this machine only."""
    host = host_of(url)
    if not host or urlsplit(url).username is not None:
        raise SettingsError(f"{destination}: {setting} must be a URL such as https://host/path, without credentials")
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsError(f"{destination}: {setting} must be https, because it carries personal data")
    return host
