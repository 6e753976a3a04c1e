"""The account: manifest, settings, calls. Sources: Merchant API v1 reference (productInputs, products), "Quotas and limits".

Items are inserted whole, never patched: a whole insert with a version number undoes nothing newer when it arrives late,
and a patch has no such number. A request holds 100 calls, as "Send multiple requests at once" advises; each counts.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from rekindle.egress.connector import Answer, Limits, Manifest, OAuth, OutRequest, Setting
from rekindle.egress.later import Waits
from rekindle.egress.options import check_settings
from rekindle.egress.request import account_host
from rekindle.feeds.platforms.google_merchant import parts, reading
from rekindle.feeds.platforms.google_merchant.words import attributes
from rekindle.feeds.push.platform import NO_CONSENT, Entry, Look, Reply
from rekindle.feeds.spec import Spec

revision: Final = "1"
most_bytes: Final = 8 << 20
expiry_ms: Final = 30 * 86_400_000
per_item: Final = True
# "It may take several minutes before the processed product can be retrieved."
waits: Final = Waits(first_ms=600_000, deadline_ms=24 * 3_600_000)

manifest: Final = Manifest(
    name="google_merchant",
    title="Google Merchant API",
    fields=frozenset(),
    purposes=frozenset(),
    hosts=frozenset({"merchantapi.googleapis.com"}),
    # Quotas are the account's own and grow with its catalogue; what is too much is told by the answers.
    limits=Limits(batch=100, timeout_ms=60_000, answer_bytes=16 << 20, concurrency=8),
    consent=NO_CONSENT,
    settings=(
        Setting("account", "the Merchant Center account's number", required=True),
        Setting("data_source", "the number of a primary data source of the account whose type is API", required=True),
        Setting("feed_label", "the data source's feed label, such as PL", required=True),
        Setting("content_language", "the data source's language, two letters", required=True),
        Setting("api_base", "another address of the API, for a proxy or the sandbox"),
        Setting("batch", "items a request, at most 100"),
    ),
    secrets=(Setting("access_token", "a token with the scope https://www.googleapis.com/auth/content", required=True),),
    host_settings=("api_base",),
    # Source: Google OAuth 2.0 for web server applications.
    oauth=OAuth(url="https://oauth2.googleapis.com/token"),
    unverified="how many nested calls a request may hold at the utmost; 100 is what the guide advises",
)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    data_source: str
    feed_label: str
    content_language: str
    api_base: str = "https://merchantapi.googleapis.com"
    batch: int = 100


class _Input(msgspec.Struct, rename="camel"):
    offer_id: str
    content_language: str
    feed_label: str
    version_number: str
    product_attributes: msgspec.Raw


class _Account:
    def __init__(self, settings: _Settings, token: str, spec: Spec) -> None:
        self.fields: frozenset[str] = frozenset()
        self.batch = settings.batch
        self.hosts = frozenset({account_host(manifest.name, "api_base", settings.api_base)})
        self._settings, self._spec = settings, spec
        self._url = f"{settings.api_base.rstrip('/')}/batch/products/v1"
        self._headers = {"content-type": parts.content_type(), "authorization": f"Bearer {token.strip()}"}
        self._parent = f"/products/v1/accounts/{settings.account}"
        source = f"accounts/{settings.account}/dataSources/{settings.data_source}"
        self._source = f"dataSource={quote(source, safe='')}"

    def content(self, values: Mapping[str, str]) -> dict[str, Any]:
        return attributes(self._spec, values)

    def build(self, entries: Sequence[Entry]) -> OutRequest:
        return self._request([self._change(entry) for entry in entries])

    def _change(self, entry: Entry) -> parts.Call:
        if entry.content is None:
            return parts.Call("DELETE", f"{self._parent}/productInputs/{self._name(entry.id)}?{self._source}")
        given = self._settings
        whole = _Input(
            entry.id, given.content_language, given.feed_label, str(entry.wanted_ms), msgspec.Raw(entry.content)
        )
        return parts.Call("POST", f"{self._parent}/productInputs:insert?{self._source}", msgspec.json.encode(whole))

    def read(self, answer: Answer, entries: Sequence[Entry]) -> Reply:
        return reading.changes(answer, entries)

    def question(self, ticket: str, entries: Sequence[Entry]) -> OutRequest:
        return self._request([parts.Call("GET", f"{self._parent}/products/{self._name(one.id)}") for one in entries])

    def read_question(self, answer: Answer, ticket: str, entries: Sequence[Entry]) -> Look:
        return reading.products(answer, entries)

    def _request(self, calls: Sequence[parts.Call]) -> OutRequest:
        return OutRequest("POST", self._url, self._headers, parts.joined(calls), ())

    def _name(self, identity: str) -> str:
        # Encoded as the reference recommends for every id; the API strips and collapses blanks of an offer's id.
        given = self._settings
        plain = f"{given.content_language}~{given.feed_label}~{' '.join(identity.split())}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def configure(settings: Mapping[str, Any], secrets: Mapping[str, str], spec: Spec) -> _Account:
    """Check settings and secrets. Raises `SettingsError`."""
    checked = check_settings(manifest, settings, secrets, _Settings)
    return _Account(checked, secrets["access_token"], spec)
