"""A BigCommerce shop through its REST API v3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rekindle.catalog._asking import check_standard, hook_body
from rekindle.catalog.account import Manifest, Setting, Unsigned
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.bigcommerce.account import configure
from rekindle.catalog.sources.bigcommerce.products import items, rows

TITLE = "BigCommerce, through its REST API"

manifest: Final = Manifest(
    name="bigcommerce",
    steps=(
        "Settings › Store-level API accounts › Create API account; token type V2/V3; scopes Products: read-only and Information & settings: read-only.",
        "The API path there, https://api.bigcommerce.com/stores/HASH/v3/, holds the store's hash; the access token is shown once.",
    ),
    settings=(Setting("store_hash", "the store's hash, as in store-HASH.mybigcommerce.com", required=True),),
    secrets=(
        Setting("token", "an API account's access token; scopes: products and information, read-only", required=True),
    ),
    hook_secret="the app's client secret",  # noqa: S106 - a description
    since=True,
    unverified="that every variant of a product comes with include=variants.",
    checked="parameters, filters and fields of products, variants and images: BigCommerce's own OpenAPI description of April 2026",
    documents=(
        "https://developer.bigcommerce.com/docs/rest-catalog/products",
        "https://developer.bigcommerce.com/docs/start/best-practices/api-rate-limits",
        "https://developer.bigcommerce.com/docs/integrations/webhooks",
    ),
)


def hint(headers: Mapping[str, str], body: bytes, secret: str, now_ms: int) -> Sequence[str]:
    """Return the product of a webhook, which names the product or one of its variants (BigCommerce, webhooks).

    Signed as Standard Webhooks with the client secret. Raises `Unsigned`, also for a body of another form.
    """
    check_standard(headers, body, secret, now_ms)
    data: Any = hook_body(body).get("data")
    if not isinstance(data, dict):
        raise Unsigned
    inner: dict[str, Any] = next((data[name] for name in ("sku", "inventory") if isinstance(data.get(name), dict)), {})
    key = inner.get("product_id") or (data.get("id") if data.get("type") == "product" else None)
    return [str(key)] if key else []


__all__ = ["TITLE", "configure", "hint", "items", "manifest", "rows", "sniff"]
