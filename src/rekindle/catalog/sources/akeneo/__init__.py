"""A catalogue of Akeneo PIM."""

from __future__ import annotations

from typing import Final

from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.sources._offer import no_file as sniff
from rekindle.catalog.sources.akeneo.account import configure
from rekindle.catalog.sources.akeneo.products import items, rows

TITLE = "Akeneo PIM, through its REST API"

manifest: Final = Manifest(
    name="akeneo",
    steps=(
        "Connect › Connection settings › Create; flow type: data destination. It shows client id, secret, user name and password.",
        "The user's group must see the products, attributes and locales that are to be read.",
    ),
    settings=(
        Setting("url", "the PIM's address, such as https://pim.example", required=True),
        Setting("channel", "the code of the channel whose values are read, such as ecommerce", required=True),
        Setting("locale", "the locale that is read, such as pl_PL", required=True),
        Setting("currency", "which price of a price attribute [default: the channel's first currency]"),
        Setting("identifier", "the attribute that identifies a product [default: sku]"),
        Setting(
            "link",
            "the address of a product's page as a template of attributes, such as https://shop.example/{url_key}",
        ),
        Setting(
            "media_base",
            "where media files are public, put before their codes; the PIM itself gives them only with a token",
        ),
        Setting("asset_links", "true: addresses of assets are asked for (share links, SaaS only)"),
        Setting("incomplete", "true: products that are not complete for the channel and locale count too"),
        Setting("endpoint", "products-uuid, or products for versions before 7.0 [default: products-uuid]"),
        Setting("time_zone", "the time zone of the PIM's server [default: UTC]"),
    ),
    secrets=(
        Setting("client_id", "the client id of a connection (Connect › Connection settings)", required=True),
        Setting("client_secret", "its secret", required=True),
        Setting("username", "its user name", required=True),
        Setting("password", "its password", required=True),
    ),
    since=True,
    per_second=10,
    unverified=(
        "A variant's values are read as the examples show them, with those of its models in them; what is missing is taken "
        "from the models. Products outside of the channel's category tree are read too."
    ),
    checked="everything else: Akeneo's own API documentation and description of August 2026, not a running PIM",
    documents=(
        "https://api.akeneo.com/documentation/authentication.html",
        "https://api.akeneo.com/documentation/pagination.html",
        "https://api.akeneo.com/documentation/filter.html",
        "https://api.akeneo.com/concepts/products.html",
        "https://api.akeneo.com/documentation/good-practices.html",
    ),
)


__all__ = ["TITLE", "configure", "items", "manifest", "rows", "sniff"]
