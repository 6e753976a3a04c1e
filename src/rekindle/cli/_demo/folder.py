"""The demo's workspace: ordinary files, as `init` writes them, with the simulated platforms as destinations."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from rekindle.cli import _compose
from rekindle.cli._documents import read_folder
from rekindle.sandbox.shop.pages import SLOTS
from rekindle.workspace import Workspace, scaffold
from rekindle.workspace.access import ApiKeys, Users

NAME = "demo"
OWNER = "owner"
PIXEL = "1234567890"


class Addresses(msgspec.Struct, frozen=True):
    """Where the demo's servers listen, as origins."""

    shop: str
    gateway: str
    console: str
    meta: str
    webhook: str

    @property
    def shop_origins(self) -> list[str]:
        """The shop's origins: people open either name of this machine."""
        return [self.shop, self.shop.replace("127.0.0.1", "localhost")]


class Keys(msgspec.Struct, frozen=True):
    """What the demo's processes know in common; all of it is made for this folder."""

    password: str
    api_key: str
    meta_token: str
    webhook_secret: str


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second demo out of the folder: the sums of both would be wrong. Raises `click.ClickException`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".running").open("w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(
                f"another demo runs in {folder}; end it, or give this one a folder of its own with --folder"
            ) from None
        yield


def prepare(folder: Path, addresses: Addresses, catalog: Path, *, own_catalog: bool, currency: str) -> Workspace:
    """Write the workspace's files, those of an earlier demo included, and return what they say."""
    words = {
        "name": NAME,
        "title": "Halny" if own_catalog else catalog.stem,
        "origin": addresses.shop,
        "country": "PL",
        "currency": currency,
        "language": "pl",
        "catalog": str(catalog.resolve()),
        "headline": "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("shop.toml", "catalog.toml"):
        (folder / name).unlink(missing_ok=True)
    scaffold(folder, words)
    (folder / "campaigns" / "slot.toml").unlink(missing_ok=True)
    shop = folder / "shop.toml"
    one, both = f'["{addresses.shop}"]', msgspec.json.encode(addresses.shop_origins).decode()
    shop.write_text(shop.read_text(encoding="utf-8").replace(one, both), encoding="utf-8")
    source = folder / "catalog.toml"
    text = source.read_text(encoding="utf-8") + f'link_base = "{addresses.shop}"\n'
    if own_catalog:
        # Ours has titles in two languages; the shop's ads and feeds speak the shop's.
        text = text.replace('kind = "auto"', 'kind = "csv"') + _POLISH
    source.write_text(text, encoding="utf-8")
    for slot in SLOTS.values():
        _write(
            folder / "campaigns" / f"{slot.placement}.toml",
            f'placement = "{slot.placement}"\nslots = 4\nwidth = {slot.width}\nheight = {slot.height}\n',
        )
    # Half an hour is too long to wait for in a demo; everything else is as `init` writes it.
    _write(
        folder / "audiences" / "cart_abandoned.toml",
        'title = "Left a cart"\nrule = "cart_abandoned"\nafter = "10s"\nwithin = "7d"\n',
    )
    _write(folder / "destinations" / "meta.toml", _META.format(pixel=PIXEL, base=addresses.meta))
    _write(folder / "destinations" / "webhook.toml", _WEBHOOK.format(base=addresses.webhook))
    return read_folder(folder)


def keys(installation: _compose.Installation) -> Keys:
    """Return the folder's keys, made at the first run: a console user, an API key, the platforms' secrets."""
    store = installation.secrets
    known = set(store.names())
    if "demo/password" not in known:
        password = secrets.token_urlsafe(12)
        Users(installation.database, installation.clock).create(OWNER, password, {NAME: "owner"})
        key = ApiKeys(installation.database, installation.clock).create(NAME, "demo shop", {"events:write"}, OWNER)
        store.put("demo/api_key", key.text)
        store.put("demo/meta_token", secrets.token_urlsafe(32))
        store.put("demo/webhook_secret", "whsec_" + base64.b64encode(os.urandom(32)).decode())
        store.put("demo/password", password)  # last: it says that the others are there
    return Keys(
        store.get("demo/password"),
        store.get("demo/api_key"),
        store.get("demo/meta_token"),
        store.get("demo/webhook_secret"),
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


_POLISH = """
[source.columns]
title = "title_pl"
description = "description_pl"
"""

_META = """# The simulated Conversions API of the demo.
kind = "meta"
feed = "meta"

[consent]
consent_mode = ["ad_storage", "ad_user_data"]
ac_provider = 89

[settings]
pixel_id = "{pixel}"
api_base = "{base}"
access_token = {{ secret = "demo/meta_token" }}
default_region = "PL"
"""

_WEBHOOK = """# The demo's own receiver of signed webhooks.
kind = "webhook"
feed = "google"

[consent]
consent_mode = ["ad_storage"]

[settings]
url = "{base}/hook"
secret = {{ secret = "demo/webhook_secret" }}
"""
