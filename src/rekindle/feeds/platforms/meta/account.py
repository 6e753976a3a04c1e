"""The catalogue: manifest, settings, calls. Source: Marketing API v25, "Product Catalog Items Batch", "Check Batch Request Status".

A request holds up to 5,000 items and 30 MB; 3,000 is what the page recommends. It is taken under a handle, by which
Meta tells later which items it did not take. ``UPDATE`` with ``allow_upsert`` makes what is not there, so that sending a
request twice is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from rekindle.egress.connector import Answer, Limits, Manifest, OutRequest, Setting
from rekindle.egress.later import Waits
from rekindle.egress.options import check_settings
from rekindle.egress.request import account_host
from rekindle.feeds.platforms.meta import reading
from rekindle.feeds.push.platform import NO_CONSENT, Entry, Look, Reply
from rekindle.feeds.spec import SEPARATOR, Spec

VERSION: Final = "v25.0"

revision: Final = "1"
most_bytes: Final = 28 << 20
expiry_ms: Final = 0
per_item: Final = False
waits: Final = Waits(first_ms=5_000, longest_ms=600_000, deadline_ms=24 * 3_600_000)

# The API has a form of its own for these that could not be confirmed; a wrong one would refuse the whole item.
_LEFT_OUT: Final = frozenset({"shipping", "shipping_weight"})
_SALE: Final = ("sale_price", "sale_price_effective_date")
_STATUS_FIELDS: Final = "handle,status,errors,errors_total_count,warnings,ids_of_invalid_requests"

manifest: Final = Manifest(
    name="meta",
    title="Meta Catalog Batch API",
    fields=frozenset(),
    purposes=frozenset(),
    hosts=frozenset({"graph.facebook.com"}),
    # The quota is a formula of the catalogue ("business use case limits"); the answers tell when access returns.
    limits=Limits(batch=5000, timeout_ms=120_000, answer_bytes=16 << 20, concurrency=2),
    consent=NO_CONSENT,
    settings=(
        Setting("catalog_id", "the catalogue's number, from Commerce Manager", required=True),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "items a request, at most 5000"),
    ),
    secrets=(Setting("access_token", "a system user's token with the permission catalog_management", required=True),),
    host_settings=("api_base",),
    unverified="that an empty text clears an attribute; the form of shipping and shipping_weight, which stay out",
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    catalog_id: str
    api_base: str = "https://graph.facebook.com"
    batch: int = 3000


class _Catalogue:
    def __init__(self, settings: _Settings, token: str, spec: Spec) -> None:
        self.fields: frozenset[str] = frozenset()
        self.batch = settings.batch
        self.hosts = frozenset({account_host(manifest.name, "api_base", settings.api_base)})
        self._spec = spec
        self._url = f"{settings.api_base.rstrip('/')}/{VERSION}/{settings.catalog_id}"
        self._headers = {"content-type": "application/json", "authorization": f"Bearer {token.strip()}"}

    def content(self, values: Mapping[str, str]) -> dict[str, Any]:
        # An update leaves what it does not name as it was, so texts that an item has no more are sent empty.
        made: dict[str, Any] = {}
        for attribute in self._spec.attribute:
            value = values.get(attribute.name)
            if attribute.name in _LEFT_OUT:
                continue
            if attribute.repeated:
                made[attribute.header] = value.split(SEPARATOR) if value else []
            elif value is None:
                if attribute.name in _SALE or (attribute.type == "text" and not attribute.required):
                    made[attribute.header] = ""
            else:
                made[attribute.header] = int(value) if attribute.type == "integer" else value
        return made

    def build(self, entries: Sequence[Entry]) -> OutRequest:
        requests = [
            {"method": "DELETE", "data": {"id": entry.id}}
            if entry.content is None
            else {"method": "UPDATE", "data": msgspec.Raw(entry.content)}
            for entry in entries
        ]
        body = {"item_type": "PRODUCT_ITEM", "allow_upsert": True, "requests": requests}
        return OutRequest("POST", f"{self._url}/items_batch", self._headers, msgspec.json.encode(body), ())

    def read(self, answer: Answer, entries: Sequence[Entry]) -> Reply:
        return reading.changes(answer, entries)

    def question(self, ticket: str, entries: Sequence[Entry]) -> OutRequest:
        query = urlencode({"handle": ticket, "load_ids_of_invalid_requests": "true", "fields": _STATUS_FIELDS})
        return OutRequest("GET", f"{self._url}/check_batch_request_status?{query}", self._headers, b"", ())

    def read_question(self, answer: Answer, ticket: str, entries: Sequence[Entry]) -> Look:
        return reading.status(answer)


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str], spec: Spec) -> _Catalogue:
    """Check settings and secrets. Raises `SettingsError`."""
    checked = check_settings(manifest, settings, secrets, _Settings)
    return _Catalogue(checked, secrets["access_token"], spec)
