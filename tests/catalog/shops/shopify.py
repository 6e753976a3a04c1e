"""Shopify's Admin API (GraphQL 2026-07), as https://shopify.dev/docs/api describes it.

Bulk operations run asynchronously, are polled by id, and leave a file of JSON Lines whose children name their parent
and may stand anywhere; a failed one leaves only a part; the file's address expires; at most five run at once. A query
that costs more than is available is answered 200 with ``THROTTLED`` and the state of the bucket.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import re
from datetime import datetime
from typing import Any, ClassVar

from rekindle.egress.connector import Answer, OutRequest
from tests.catalog.shops.base import Goods, Shop, Variant, reply


class Shopify(Shop):
    kind = "shopify"
    secrets: ClassVar = {"token": "shpat_1"}
    options: ClassVar = {"shop": "acme"}

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.operations: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.busy = 0
        self.ends_as = ["COMPLETED"]
        self.expired: set[str] = set()

    def item_id(self, goods: Goods, variant: Variant) -> str:
        return str(variant.id)

    def allows(self, request: OutRequest) -> bool:
        return request.headers.get("X-Shopify-Access-Token") == "shpat_1"

    def hook(self, product: int) -> tuple[dict[str, str], bytes]:
        topic = "products/update" if product in self.goods else "products/delete"
        return self.signed(topic, {"id": product, "title": "not to be believed", "variants": [{"price": "0.01"}]})

    def signed(self, topic: str, body: Any) -> tuple[dict[str, str], bytes]:
        raw = json.dumps(body).encode()
        signature = base64.b64encode(hmac.new(self.hook_secret.encode(), raw, hashlib.sha256).digest()).decode()
        return {"X-Shopify-Hmac-SHA256": signature, "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": "w1"}, raw

    def throttled(self) -> Answer:
        status = {"maximumAvailable": 1000.0, "currentlyAvailable": 100.0, "restoreRate": 50.0}
        cost = {"requestedQueryCost": 450, "actualQueryCost": None, "throttleStatus": status}
        errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
        return reply({"errors": errors, "extensions": {"cost": cost}})

    def answer(self, request: OutRequest) -> Answer:
        assert request.url == "https://acme.myshopify.com/admin/api/2026-07/graphql.json"
        given = json.loads(request.body)
        query, variables = given["query"], given["variables"]
        data: dict[str, Any]
        if "bulkOperationRunQuery" in query:
            data = {"bulkOperationRunQuery": self._start()}
        elif "bulkOperation(" in query:
            data = {"bulkOperation": self._poll(variables["id"])}
        elif "shop {" in query:
            data = {"shop": {"id": "gid://shopify/Shop/1", "currencyCode": self.currency}}
        elif "products(" in query:
            data = {"products": self._changed(variables)}
        elif "inventoryItem(" in query:
            data = {"inventoryItem": self._inventory(int(variables["id"].rpartition("/")[2]))}
        else:
            data = {"product": self._one(int(variables["id"].rpartition("/")[2]), variables["after"])}
        status = {"maximumAvailable": 1000.0, "currentlyAvailable": 990.0, "restoreRate": 50.0}
        return reply({"data": data, "extensions": {"cost": {"requestedQueryCost": 10, "throttleStatus": status}}})

    def file(self, url: str) -> bytes | None:
        return None if url in self.expired else self.files.get(url)

    def _start(self) -> dict[str, Any]:
        if self.busy:
            self.busy -= 1
            words = "A bulk query operation for this app and shop is already in progress"
            return {"bulkOperation": None, "userErrors": [{"code": "OPERATION_IN_PROGRESS", "message": words}]}
        identity = f"gid://shopify/BulkOperation/{len(self.operations) + 1}"
        self.operations[identity] = {"id": identity, "status": "CREATED", "polls": 0, "lines": self._lines()}
        return {"bulkOperation": {"id": identity, "status": "CREATED"}, "userErrors": []}

    def _poll(self, identity: str) -> dict[str, Any] | None:
        operation = self.operations.get(identity)
        if operation is None:
            return None
        operation["polls"] += 1
        if operation["polls"] < 3:
            return {"id": identity, "status": "RUNNING", "errorCode": None, "objectCount": "17", "url": None}
        if operation["status"] == "CREATED":
            operation["status"] = self.ends_as.pop(0) if len(self.ends_as) > 1 else self.ends_as[0]
            lines = operation["lines"]
            operation["url"] = f"https://files.example/{identity[-1]}.jsonl?Signature=abc" if lines else None
            if operation["status"] == "COMPLETED" and lines:
                self.files[operation["url"]] = lines
        code = {"FAILED": "INTERNAL_SERVER_ERROR"}.get(operation["status"])
        url = operation["url"] if operation["status"] == "COMPLETED" else None
        return {"id": identity, "status": operation["status"], "errorCode": code, "objectCount": "40", "url": url}

    def _lines(self) -> bytes:
        found: list[Any] = []
        for goods in self.goods.values():
            parent = self._gid("Product", goods.id)
            found.append(self._product(goods))
            found.append({**self._image(goods), "__parentId": parent})
            found += [{**self._variant(one), "__parentId": parent} for one in goods.variants]
        random.Random(7).shuffle(found)  # children need not follow their parent
        return b"".join(json.dumps(one).encode() + b"\n" for one in found)

    def _changed(self, variables: dict[str, Any]) -> dict[str, Any]:
        moment = re.fullmatch(r"updated_at:>='([^']+)'", variables["query"])
        assert moment is not None
        since = datetime.fromisoformat(moment[1]).timestamp() * 1000
        found = sorted(goods.id for goods in self.goods.values() if goods.changed_ms >= since)
        start = int(variables["after"] or 0)
        page = found[start : start + 2]  # pages are smaller here than they may be, so that there are several
        more = start + 2 < len(found)
        nodes = [{"id": self._gid("Product", one)} for one in page]
        return {"nodes": nodes, "pageInfo": {"hasNextPage": more, "endCursor": str(start + 2)}}

    def _inventory(self, number: int) -> dict[str, Any] | None:
        for goods in self.goods.values():
            if any(variant.id == number for variant in goods.variants):
                return {"variant": {"product": {"id": self._gid("Product", goods.id)}}}
        return None

    def _one(self, number: int, after: str | None) -> dict[str, Any] | None:
        goods = self.goods.get(number)
        if goods is None:
            return None
        start = int(after or 0)
        shown = [self._variant(one) for one in goods.variants[start : start + 2]]
        info = {"hasNextPage": start + 2 < len(goods.variants), "endCursor": str(start + 2)}
        media = {"nodes": [self._image(goods), {}]}
        return {**self._product(goods), "media": media, "variants": {"nodes": shown, "pageInfo": info}}

    def _product(self, goods: Goods) -> dict[str, Any]:
        return {
            "id": self._gid("Product", goods.id), "handle": f"product-{goods.id}", "title": goods.title,
            "descriptionHtml": "<p>Good.</p>", "vendor": "Acme", "productType": "Shirts", "tags": ["a", "b"],
            "status": "ACTIVE" if goods.published else "DRAFT", "publishedAt": "2026-01-01T00:00:00Z",
            "onlineStoreUrl": f"https://acme.example/products/product-{goods.id}",
            "featuredMedia": {"preview": {"image": {"url": f"https://cdn.example/{goods.id}.jpg?v=1"}}},
        }  # fmt: skip

    def _image(self, goods: Goods) -> dict[str, Any]:
        url = f"https://cdn.example/{goods.id}-b.jpg?v=1"
        return {"id": self._gid("MediaImage", goods.id), "image": {"url": url}}

    def _variant(self, variant: Variant) -> dict[str, Any]:
        option = {"name": "Color" if variant.color else "Title", "value": variant.color or "Default Title"}
        return {
            "id": self._gid("ProductVariant", variant.id), "title": variant.color or "Default Title",
            "sku": f"S{variant.id}", "barcode": None, "price": variant.price, "compareAtPrice": None,
            "availableForSale": variant.stock > 0, "inventoryQuantity": variant.stock, "inventoryPolicy": "DENY",
            "selectedOptions": [option], "image": None,
        }  # fmt: skip

    def _gid(self, kind: str, number: int) -> str:
        return f"gid://shopify/{kind}/{number}"
