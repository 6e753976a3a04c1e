"""A simulated Merchant API v1: product inputs in a batch request, processed products minutes later, quotas, expiry.

Sources: [proto] google.shopping.merchant.products.v1 (productinputs, products, products_common); [batch] "Send multiple
requests at once"; [quota] "Quotas and limits"; [error] "Handle error responses"; [spec] product data specification.
What no page fixes, such as how many minutes processing takes, is marked "shape only".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._checks import bearer
from rekindle.sandbox.platforms.simulated import Call, reply

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_EXPIRES_MS: Final = 30 * _DAY_MS  # [spec] a product expires 30 days after its last submission
_BOUNDARY = re.compile(r"boundary=([^;\s]+)")
_LABEL = re.compile(r"[A-Z0-9_-]{1,20}")
_MONEY: Final = frozenset({"price", "salePrice"})
_TEXTS: Final = frozenset(
    {"title", "description", "link", "imageLink", "mobileLink", "brand", "mpn", "color", "size", "material", "pattern",
     "itemGroupId", "googleProductCategory", "shortTitle", "adsRedirect", "displayAdsId", "shippingLabel",
     *(f"customLabel{number}" for number in range(5))}
)  # fmt: skip
_LISTS: Final = frozenset({"additionalImageLinks", "gtins", "productTypes", "sizeTypes", "shipping"})
_ENUMS: Final = {
    "availability": {"IN_STOCK", "OUT_OF_STOCK", "PREORDER", "LIMITED_AVAILABILITY", "BACKORDER"},
    "condition": {"NEW", "USED", "REFURBISHED"},
    "gender": {"MALE", "FEMALE", "UNISEX"},
    "ageGroup": {"ADULT", "KIDS", "TODDLER", "INFANT", "NEWBORN"},
    "sizeSystem": {"AU", "BR", "CN", "DE", "EU", "FR", "IT", "JP", "MEX", "UK", "US"},
    "energyEfficiencyClass": {"APPP", "APP", "AP", "A", "B", "C", "D", "E", "F", "G"},
}
_OTHERS: Final = frozenset(
    {"identifierExists", "adult", "isBundle", "multipack", "availabilityDate", "salePriceEffectiveDate", "shippingWeight",
     "minHandlingTime", "maxHandlingTime", "structuredTitle", "structuredDescription"}
)  # fmt: skip


class _Input(msgspec.Struct):
    body: dict[str, Any]
    version: int
    came_ms: int
    received_ms: int


class MerchantCenter:
    """One account with one data source of type API; ``answer`` is the platform for `simulated.SimulatedServer`.

    ``process_ms`` passes until an input is a product (shape only). ``per_minute`` and ``per_day`` are the quota of
    calls, each call of a batch once [quota]. ``issues`` plants what a review finds, by offer id.
    """

    def __init__(
        self, account: str = "123", data_source: str = "456", *, process_ms: int = 300_000,
        per_minute: int | None = None, per_day: int | None = None,
    ) -> None:  # fmt: skip
        self._account, self._source = account, f"accounts/{account}/dataSources/{data_source}"
        self._process_ms, self._per_minute, self._per_day = process_ms, per_minute, per_day
        self._inputs: dict[str, _Input] = {}
        self._calls: deque[int] = deque()
        self.issues: dict[str, list[dict[str, Any]]] = {}
        self.revoked = False
        self.inserts = 0
        self.deletes = 0
        self.requests: list[int] = []
        """How many calls each request held."""

    def offers(self, now_ms: int) -> dict[str, dict[str, Any]]:
        """Return the inputs that are alive, by offer id."""
        return {
            each.body["offerId"]: each.body for each in self._inputs.values() if now_ms < each.received_ms + _EXPIRES_MS
        }

    def answer(self, call: Call) -> Answer:
        """Answer one request of several calls [batch], or a single call."""
        if not bearer(call) or self.revoked:
            return _error(
                401, "UNAUTHENTICATED", "invalid-credentials", "Request had invalid authentication credentials."
            )
        if call.path != "/batch/products/v1":
            return self._one(call.method, f"{call.path}?{_query(call)}", call.raw, call.now_ms)
        boundary = _BOUNDARY.search(call.headers.get("content-type", ""))
        if call.method != "POST" or boundary is None:
            return _error(400, "INVALID_ARGUMENT", "bad-batch", "Failed to parse batch request.")
        parts = call.raw.split(b"--" + boundary[1].encode())[1:-1]
        self.requests.append(len(parts))
        lines: list[bytes] = []
        for part in parts:
            head, _, inner = part.strip(b"\r\n").partition(b"\r\n\r\n")
            named = re.search(rb"Content-ID: <(.+?)>", head)
            if b"Content-Type: application/http" not in head or named is None:
                return _error(400, "INVALID_ARGUMENT", "bad-batch", "Failed to parse batch request.")
            line, _, rest = inner.partition(b"\r\n")
            method, _, path = line.decode().partition(" ")
            said = self._one(method, path, rest.partition(b"\r\n\r\n")[2], call.now_ms)
            lines.append(
                b"--answer\r\nContent-Type: application/http\r\nContent-ID: <response-%s>\r\n\r\n" % named[1]
                + f"HTTP/1.1 {said.status} X\r\nContent-Type: application/json; charset=UTF-8\r\n".encode()
                + b"".join(f"{key}: {value}\r\n".encode() for key, value in said.headers.items() if key == "retry-after")
                + b"\r\n" + said.body
            )  # fmt: skip
        body = b"\r\n".join([*lines, b"--answer--\r\n"])
        return Answer(200, {"content-type": "multipart/mixed; boundary=answer"}, body)

    def _one(self, method: str, target: str, body: bytes, now_ms: int) -> Answer:
        if (refused := self._over_quota(now_ms)) is not None:
            return refused
        parts = urlsplit(target)
        found = re.fullmatch(r"/products/v1/accounts/(\d+)/(productInputs|products)(?::insert|/([^/]+))", parts.path)
        if found is None:
            return _error(404, "NOT_FOUND", "method-not-found", "Method not found.")
        if found[1] != self._account:
            return _error(
                403, "PERMISSION_DENIED", "PERMISSION_DENIED_ACCOUNTS", "The caller has no access to the account."
            )
        if method == "GET" and found[2] == "products":
            return self._product(found[3], now_ms)
        if dict(parse_qsl(parts.query)).get("dataSource") != self._source:
            return _error(404, "NOT_FOUND", "data-source-not-found", "The data source was not found.")
        if method == "POST" and parts.path.endswith(":insert"):
            return self._insert(body, now_ms)
        if method == "DELETE" and found[2] == "productInputs":
            gone = self._inputs.pop(_plain(found[3]), None)
            self.deletes += gone is not None
            return reply({}) if gone else _error(404, "NOT_FOUND", "not-found", "The product input was not found.")
        return _error(404, "NOT_FOUND", "method-not-found", "Method not found.")

    def _over_quota(self, now_ms: int) -> Answer | None:
        while self._calls and self._calls[0] <= now_ms - _DAY_MS:
            self._calls.popleft()
        recent = sum(at > now_ms - _MINUTE_MS for at in reversed(self._calls)) if self._per_minute else 0
        if self._per_day is not None and len(self._calls) >= self._per_day:
            return _error(
                429, "RESOURCE_EXHAUSTED", "quota/daily_limit_exceeded", "The daily quota is used up."
            )  # [quota]
        if self._per_minute is not None and recent >= self._per_minute:
            return _error(429, "RESOURCE_EXHAUSTED", "quota/request_rate_too_high", "Too many requests.")  # [quota]
        if self._per_minute is not None or self._per_day is not None:
            self._calls.append(now_ms)
        return None

    def _insert(self, raw: bytes, now_ms: int) -> Answer:
        try:
            body = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _invalid("", "Invalid JSON payload received.")
        if fault := _fault(body):
            return _invalid(*fault)
        offer = " ".join(body["offerId"].split())  # [proto] blanks are stripped and collapsed
        name = f"{body['contentLanguage']}~{body['feedLabel']}~{offer}"
        version = int(body.get("versionNumber", 0))
        before = self._inputs.get(name)
        if before is not None and version < before.version:
            # [proto] "the insertion is prevented when version number is lower"; "the aborted exception will be thrown"
            return _error(409, "ABORTED", "version-too-low", "A newer version of the product exists.")
        # A product that is there keeps its old form until the new one is processed.
        self._inputs[name] = _Input({**body, "offerId": offer}, version, now_ms, now_ms)
        self.inserts += 1
        return reply({**body, "name": f"accounts/{self._account}/productInputs/{name}"})

    def _product(self, name: str, now_ms: int) -> Answer:
        found = self._inputs.get(_plain(name))
        alive = found is not None and now_ms < found.received_ms + _EXPIRES_MS
        if found is None or not alive or now_ms < found.came_ms + self._process_ms:
            return _error(404, "NOT_FOUND", "not-found", "The product was not found.")
        issues = self.issues.get(found.body["offerId"], [])
        return reply(
            {**found.body, "name": f"accounts/{self._account}/products/{_plain(name)}",
             "productStatus": {"itemLevelIssues": issues}}
        )  # fmt: skip


def _fault(body: Any) -> tuple[str, str] | None:
    """Return the field and what is wrong with it, as the API's decoder and its data validation say."""
    if not isinstance(body, dict):
        return "", "Invalid JSON payload received."
    unknown = set(body) - {
        "offerId",
        "contentLanguage",
        "feedLabel",
        "versionNumber",
        "productAttributes",
        "customAttributes",
    }
    if unknown:
        return min(unknown), "Unknown name: Cannot find field."  # [proto]
    for name in ("offerId", "contentLanguage", "feedLabel"):
        if not isinstance(body.get(name), str) or not body[name].strip():
            return name, "is required"  # [proto]
    if len(body["offerId"]) > 50:
        return "offerId", "is longer than 50 characters"  # [spec]
    if not re.fullmatch(r"[a-z]{2}", body["contentLanguage"]):
        return "contentLanguage", "is not a two-letter ISO 639-1 code"  # [proto]
    if not _LABEL.fullmatch(body["feedLabel"]):
        return "feedLabel", "has more than 20 characters, or others than A-Z, 0-9, hyphen and underscore"  # [proto]
    given = body.get("productAttributes", {})
    for name, value in given.items():
        if fault := _attribute(name, value):
            return f"productAttributes.{name}", fault
    # [spec] text that a machine wrote goes to the structured attribute, in the place of the plain one
    for plain in ("title", "description"):
        structured = f"structured{plain.capitalize()}"
        if plain not in given and structured not in given:
            return f"productAttributes.{plain}", "is required"
    return None


def _attribute(name: str, value: Any) -> str:
    if name in _MONEY:
        whole = isinstance(value, dict) and set(value) == {"amountMicros", "currencyCode"}
        good = (
            whole
            and re.fullmatch(r"\d+", str(value["amountMicros"]))
            and re.fullmatch(r"[A-Z]{3}", value["currencyCode"])
        )
        return "" if good else "Invalid value: expected google.shopping.type.Price"
    if name in _ENUMS:
        return "" if value in _ENUMS[name] else f"Invalid value at '{name}' (TYPE_ENUM)"
    if name in _LISTS:
        return "" if isinstance(value, list) else "Invalid value: expected a list"
    if name in _TEXTS:
        return "" if isinstance(value, str) else "Invalid value (TYPE_STRING)"
    if name in ("structuredTitle", "structuredDescription"):
        source = value.get("digitalSourceType") if isinstance(value, dict) else None
        return "" if source in ("TRAINED_ALGORITHMIC_MEDIA", "DEFAULT") else "digitalSourceType is invalid"
    return "" if name in _OTHERS else "Unknown name: Cannot find field."


def _plain(name: str) -> str:
    # [proto] "The presence of tilde characters is used to differentiate between the two formats."
    if "~" in name:
        return name
    try:
        return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _query(call: Call) -> str:
    return "&".join(f"{key}={value}" for key, value in call.query.items())


def _invalid(field: str, words: str) -> Answer:
    return _error(400, "INVALID_ARGUMENT", "invalid", f"{field}: {words}" if field else words)


def _error(code: int, status: str, reason: str, words: str) -> Answer:
    # [error] an ErrorInfo with metadata; REASON is stable and always there
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": status, "domain": "merchantapi.googleapis.com",
            "metadata": {"REASON": reason}}  # fmt: skip
    return reply({"error": {"code": code, "status": status, "message": words, "details": [info]}}, code)
