"""The demo shop: a small outdoor shop with a consent banner, GA4 pushes and the browser tag.

``routes(products)`` gives the shop; mount it with `rekindle.sandbox.serving` and put the gateway behind it with
`rekindle.sandbox.proxy`. ``load_catalog()`` reads the shop's own catalogue.
"""

from rekindle.sandbox.shop.catalogue import CATALOG, load_catalog
from rekindle.sandbox.shop.pages import Shop, Slot, routes

__all__ = ["CATALOG", "Shop", "Slot", "load_catalog", "routes"]
