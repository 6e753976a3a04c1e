"""A simulated Meta product catalogue: ``items_batch`` takes a batch under a handle, and says later what became of it.

Sources: [batch] Marketing API v25 "Product Catalog Items Batch"; [guide] "Send product updates"; [status] "Check Batch
Request Status"; [fields] "Catalog fields"; [limits] "Rate limits". What no page fixes is marked "shape only".
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer
from rekindle.sandbox.platforms.simulated import Call, reply

_MOST: Final = 5_000  # [batch]
_MOST_CHARACTERS: Final = 30_000_000  # [batch]
_HOUR_MS: Final = 3_600_000
_REQUIRED: Final = ("title", "description", "availability", "condition", "price", "link", "image_link")  # [fields]
_AVAILABILITY: Final = {
    "in stock",
    "out of stock",
    "preorder",
    "available for order",
    "discontinued",
    "pending",
    "mark_as_sold",
}
_CONDITION: Final = {"new", "refurbished", "used", "used_like_new", "used_good", "used_fair"}
_PRICE = re.compile(r"\d+(\.\d+)? [A-Z]{3}")


class _Batch(msgspec.Struct):
    came_ms: int
    requests: list[dict[str, Any]]
    upsert: bool
    errors: dict[str, str] | None = None


class CatalogBatch:
    """One catalogue; ``answer`` is the platform for `simulated.SimulatedServer`.

    ``process_ms`` passes until a batch is finished, and ``forget_ms`` until its handle is unknown (both shape only).
    ``per_hour`` is how many calls are taken [limits]. ``banned`` are ids that a review refuses.
    """

    def __init__(
        self, catalogue: str = "789", *, process_ms: int = 20_000, forget_ms: int = 24 * _HOUR_MS,
        per_hour: int | None = None,
    ) -> None:  # fmt: skip
        self._catalogue, self._process_ms, self._forget_ms, self._per_hour = catalogue, process_ms, forget_ms, per_hour
        self._batches: dict[str, _Batch] = {}
        self._calls: list[int] = []
        self.items: dict[str, dict[str, Any]] = {}
        self.banned: set[str] = set()
        self.revoked = False
        self.requests: list[int] = []
        """How many items each request held."""

    def answer(self, call: Call) -> Answer:
        """Answer one call."""
        if not bearer(call) or self.revoked:
            return _error(190, "Error validating access token: Session has expired", 401)
        found = re.fullmatch(r"/v\d+\.0/(\d+)/(items_batch|check_batch_request_status)", call.path)
        if found is None or found[1] != self._catalogue:
            return _error(100, "Unsupported request: object does not exist, or you have no permission", 400, 33)
        self._work(call.now_ms)
        if found[2] == "check_batch_request_status":
            return self._status(call)
        if call.method != "POST":
            return _error(100, "Unsupported request", 400)
        self._calls = [at for at in self._calls if at > call.now_ms - _HOUR_MS]
        if self._per_hour is not None and len(self._calls) >= self._per_hour:
            left = (self._calls[0] + _HOUR_MS - call.now_ms) // 60_000 + 1
            usage = msgspec.json.encode(
                {self._catalogue: [{"type": "ads_catalog_batch", "estimated_time_to_regain_access": left}]}
            )
            return _error(80014, "There have been too many calls for the batch uploads to this catalog account.", 400,
                          x_business_use_case_usage=usage.decode())  # fmt: skip
        self._calls.append(call.now_ms)
        return self._take(call)

    def _take(self, call: Call) -> Answer:
        body = call.body if isinstance(call.body, dict) else {}
        requests = body.get("requests")
        if len(call.raw) > _MOST_CHARACTERS:
            return _error(
                1, "Please reduce the amount of data you're asking for, then retry your request", 500
            )  # [guide]
        if body.get("item_type") != "PRODUCT_ITEM":
            return _error(100, "(#100) The parameter item_type is required", 400)  # [batch]
        if not isinstance(requests, list) or not 1 <= len(requests) <= _MOST:
            return _error(100, f"(#100) requests must hold 1 to {_MOST} items", 400)  # [batch]
        self.requests.append(len(requests))
        if any(each.get("method") not in ("CREATE", "UPDATE", "DELETE") for each in requests):
            return _error(100, "(#100) method must be CREATE, UPDATE or DELETE", 400)  # [guide]
        if any(not isinstance(each.get("data"), dict) or not each["data"].get("id") for each in requests):
            return _error(100, "(#100) data.id is required", 400)  # [guide]
        handle = f"AczHandle{call.now_ms}x{len(self._batches)}"
        self._batches[handle] = _Batch(call.now_ms, requests, bool(body.get("allow_upsert", True)))
        return reply({"handles": [handle], "validation_status": []})

    def _work(self, now_ms: int) -> None:
        """Carry out the batches whose time has come, in their order."""
        for batch in self._batches.values():
            if batch.errors is None and now_ms >= batch.came_ms + self._process_ms:
                batch.errors = {}
                for each in batch.requests:
                    if fault := self._apply(each["method"], each["data"], batch.upsert):
                        batch.errors[each["data"]["id"]] = fault

    def _apply(self, method: str, data: dict[str, Any], upsert: bool) -> str:
        identity = data["id"]
        if method == "DELETE":
            return "" if self.items.pop(identity, None) else "Product does not exist"
        if identity in self.banned:
            return "The item does not comply with the commerce policies"  # shape only
        before = self.items.get(identity)
        if method == "UPDATE" and before is None and not upsert:
            return "Product does not exist"  # [batch] allow_upsert
        whole = {**((before or {}) if method == "UPDATE" else {}), **data}
        missing = [name for name in _REQUIRED if not whole.get(name)]
        if missing:
            return f"A required field is missing: {missing[0]}"  # [fields]
        for name in ("price", "sale_price"):
            if whole.get(name) and not _PRICE.fullmatch(str(whole[name])):
                return f"{name} must be a number and a currency, such as 9.99 USD"  # [fields]
        if whole["availability"] not in _AVAILABILITY or whole["condition"] not in _CONDITION:
            return "availability or condition is not supported"  # [fields]
        if not isinstance(whole.get("additional_image_link", []), list):
            return "additional_image_link must be an array"  # [fields]
        if not str(whole["link"]).startswith(("http://", "https://")):
            return "link is not a URL"  # [fields]
        self.items[identity] = whole
        return ""

    def _status(self, call: Call) -> Answer:
        batch = self._batches.get(call.query.get("handle", ""))
        if batch is None or call.now_ms >= batch.came_ms + self._forget_ms:
            return _error(100, "(#100) Invalid parameter: handle", 400)
        if batch.errors is None:
            half = call.now_ms >= batch.came_ms + self._process_ms // 2
            return reply({"data": [{"handle": call.query["handle"], "status": "in_progress" if half else "started"}]})
        listed = [
            {"id": identity, "message": words} for identity, words in list(batch.errors.items())[:100]
        ]  # shape only
        # [status] "always returned as an empty array" unless asked for
        asked = call.query.get("load_ids_of_invalid_requests") == "true"
        return reply({"data": [{
            "handle": call.query["handle"], "status": "finished", "errors": listed, "errors_total_count": len(batch.errors),
            "warnings": [], "ids_of_invalid_requests": list(batch.errors) if asked else [],
        }]})  # fmt: skip


def _error(code: int, words: str, status: int, subcode: int = 0, **headers: str) -> Answer:
    error: dict[str, Any] = {"message": words, "type": "OAuthException", "code": code, "fbtrace_id": "Asandbox"}
    if subcode:
        error["error_subcode"] = subcode
    return reply({"error": error}, status, **headers)
