"""A Shoper shop through its REST API."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from rekindle.catalog._asking import hook_body
from rekindle.catalog.account import Manifest, Setting, Unsigned
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.shoper.account import configure
from rekindle.catalog.sources.shoper.products import items, rows

TITLE = "Shoper, through its REST API"

manifest: Final = Manifest(
    name="shoper",
    steps=(
        "Ustawienia › Ogólne › Administratorzy sklepu › Więcej › Dodaj grupę administratorów: access to the WebAPI, reading rights for the assortment and the configuration.",
        "There Dodaj administratora: a user of that group; its login and password are what is asked for. Do not take your own.",
    ),
    settings=(
        Setting("url", "the shop's address, such as https://shop.example", required=True),
        Setting("language", "the translation that is read [default: pl_PL]"),
        Setting(
            "image",
            "the address of a picture as a template of gfx_id, name, unic_name and extension "
            "[default: environment/cache/images/0_0_productGfx_{gfx_id}/{name}]",
        ),
    ),
    secrets=(
        Setting("login", "the login of an API user (Settings › Administrators, access to the API)", required=True),
        Setting("password", "the API user's password", required=True),
    ),
    hook_secret="the key (Klucz) of the webhook",  # noqa: S106 - a description
    per_second=2,
    unverified=(
        "Filters with IN are known from published integrations, and the quota from what shops answer (a bucket of 10 requests, "
        "2 a second); addresses of pictures, from shops' pages, differ between shops (see image). special_offer is deprecated by Shoper since 5.24.35 and read where it is still there. "
        "Its moments are read as UTC."
    ),
    checked=(
        "resources and fields of products, stocks, prices of variants, special offers, options and their values, and "
        "Retry-After: Shoper's PHP SDK, which is made from the description of the API; how webhooks are signed: Shoper's own "
        "page, and integrations that follow it"
    ),
    documents=("https://developers.shoper.pl/", "https://www.shoper.pl/learn/artykul/jak-utworzyc-webhook"),
)


def hint(headers: Mapping[str, str], body: bytes, secret: str, _now_ms: int) -> Sequence[str]:
    """Return the product of a webhook, whose sum is SHA-1 of id, key and body (Shoper, "Jak utworzyć webhook").

    Raises `Unsigned`.
    """
    given = headers.get("x-webhook-sha1", "").lower()
    signed = headers.get("x-webhook-id", "").encode() + b":" + secret.encode() + b":" + body
    wanted = hashlib.sha1(signed).hexdigest()  # noqa: S324 - the platform's own sum
    if not secret or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise Unsigned
    key = hook_body(body).get("product_id")
    return [str(key)] if headers.get("x-webhook-name", "").startswith("product.") and key else []


__all__ = ["TITLE", "configure", "hint", "items", "manifest", "rows", "sniff"]
