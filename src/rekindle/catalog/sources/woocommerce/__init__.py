"""A WooCommerce shop through its REST API v3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rekindle.catalog._asking import check_hmac, hook_body
from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.woocommerce.account import configure
from rekindle.catalog.sources.woocommerce.products import items, rows

TITLE = "WooCommerce, through its REST API"

manifest: Final = Manifest(
    name="woocommerce",
    steps=(
        "WooCommerce › Settings › Advanced › REST API › Add key, permissions: Read. Consumer key and secret are shown once.",
        "For webhooks: WooCommerce › Settings › Advanced › Webhooks, one each for product created, updated and deleted, with a secret of yours.",
    ),
    settings=(
        Setting("url", "the shop's address, such as https://shop.example", required=True),
        Setting("page_size", "products asked for at once, at most 100; less for a slow shop [default: 100]"),
    ),
    secrets=(
        Setting("consumer_key", "the consumer key of a REST API key with read permission", required=True),
        Setting("consumer_secret", "its consumer secret", required=True),
    ),
    hook_secret="the secret of the webhook (WooCommerce › Settings › Advanced › Webhooks)",  # noqa: S106
    since=True,
    per_second=4,
    unverified="WooCommerce documents no quota of requests; four a second are asked at most.",
    documents=("https://woocommerce.github.io/woocommerce-rest-api-docs/",),
)


def hint(headers: Mapping[str, str], body: bytes, secret: str, _now_ms: int) -> Sequence[str]:
    """Return the product of a webhook. Raises `Unsigned` (WooCommerce REST API, webhooks: delivery and payload).

    A variation's parent is what is read again. The ping of a new webhook is a form without a signature.
    """
    if body.startswith(b"webhook_id=") and body[11:].isdigit():
        return []
    check_hmac(body, headers.get("x-wc-webhook-signature", ""), secret)
    if headers.get("x-wc-webhook-resource", "product") != "product":
        return []
    found = hook_body(body)
    key = found.get("parent_id") if found.get("type") == "variation" else found.get("id")
    return [str(key)] if isinstance(key, int) and key > 0 else []


__all__ = ["TITLE", "configure", "hint", "items", "manifest", "rows", "sniff"]
