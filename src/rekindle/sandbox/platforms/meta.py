"""A simulated Meta Conversions API (v25) that refuses what Meta refuses.

Sources: [api] Conversions API "Using the API"; [params] "Server event parameters" and "Customer information
parameters"; [errors] Graph API "Handle errors"; [limits] Graph API "Rate limits"; [quality] "Dataset Quality API". What no page fixes, such as the
exact sub-code of a refusal, is marked "shape only".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiohttp import web

from rekindle.model.clock import Clock
from rekindle.sandbox.platforms._serve import serving

_DAY: Final = 86_400
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
# [params] "must be hashed with SHA-256, lower-case hexadecimal".
_HASHED: Final = ("em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id")
_ACTION_SOURCES: Final = frozenset(
    {"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging",
     "other"}
)  # fmt: skip
_EMPTY: Final = hashlib.sha256(b"").hexdigest()


def _poor_samples() -> frozenset[str]:
    """Hashes of well-known values that were not normalised first: a test's way to see that nobody forgot to."""
    raw = (
        " john_smith@gmail.com ", "John_Smith@gmail.com", "JOHN_SMITH@GMAIL.COM", "+16505551212", "(650)555-1212",
        "+48 601 234 567", "+48601234567", "Mary", "Smith", "Anna", "Kowalska", "US", "PL", "F", "M", "null", "undefined",
        "None", " ",
    )  # fmt: skip
    return frozenset(hashlib.sha256(value.encode()).hexdigest() for value in raw)


_POOR: Final = _poor_samples()


class _Refused(Exception):
    def __init__(
        self, code: int, message: str, *, subcode: int = 0, status: int = 400, kind: str = "OAuthException",
        transient: bool = False, headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.body = {"message": message, "type": kind, "code": code, "is_transient": transient}
        if subcode:
            self.body["error_subcode"] = subcode
        self.status = status
        self.headers = headers or {}


class MetaPlatform:
    """One pixel at a pretended Meta. Faults are attributes, switchable while it runs.

    ``tokens`` are the tokens it takes; empty it and every call is refused with code 190. ``throttle`` makes so many
    next calls end in code 4 (or 80004 with HTTP 400), ``fail`` so many in HTTP 500, ``garbage`` so many in HTML.
    ``poison`` names event ids that Meta cannot digest: the whole request is refused, as for any bad event;
    ``names_culprit`` says whether the message tells which one.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        pixel_id: str = "1234567890",
        token: str = "sandbox-token",  # noqa: S107
        keep: int = 100_000,
    ) -> None:
        self._clock = clock
        self.pixel_id = pixel_id
        self.tokens = {token}
        self.poison: set[str] = set()
        self.names_culprit = False
        self.throttle = 0
        self.retry_after_s: int | None = None
        self.throttle_code = 4
        self.fail = 0
        self.garbage = 0
        self.calls = 0
        self.refused: deque[dict[str, Any]] = deque(maxlen=1000)
        """The error bodies that were given out, newest last."""
        self._events: dict[str, dict[str, Any]] = {}
        self._keep = keep
        self.duplicates = 0

    @property
    def received(self) -> list[dict[str, Any]]:
        """The events that were taken, in order, each once by event_name and event_id."""
        return list(self._events.values())

    def by_event_id(self, event_id: str) -> dict[str, Any] | None:
        """Return one taken event."""
        return next((event for event in self._events.values() if event.get("event_id") == event_id), None)

    @property
    def content_ids(self) -> set[str]:
        """Every content id that was taken."""
        return {each for event in self._events.values() for each in event.get("custom_data", {}).get("content_ids", [])}

    def app(self) -> web.Application:
        """Return the API as an aiohttp application."""
        # Larger than any batch of 1,000 events, so that the batch rule answers and not the server.
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/{version}/{pixel}/events", self._post)
        app.router.add_get("/{version}/dataset_quality", self._quality)
        return app

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve for the length of an ``async with`` block, which yields the address for the setting ``api_base``."""
        return serving(self.app(), host=host, port=port)

    async def _post(self, request: web.Request) -> web.Response:
        self.calls += 1
        trace = hashlib.sha256(f"trace {self.calls}".encode()).hexdigest()[:11].upper()
        if self.garbage > 0:
            self.garbage -= 1
            return web.Response(status=502, text="<html><body>Sorry, something went wrong.</body></html>",
                                content_type="text/html")  # fmt: skip
        try:
            taken = self._take(request.match_info["pixel"], _token(request), await request.read())
        except _Refused as refused:
            body = {"error": refused.body | {"fbtrace_id": trace}}
            self.refused.append(body)
            return web.json_response(body, status=refused.status, headers=refused.headers)
        return web.json_response({"events_received": taken, "messages": [], "fbtrace_id": trace})

    async def _quality(self, request: web.Request) -> web.Response:
        """[quality] "Dataset Quality API": for each event name a score out of 10, here by the keys that came along."""
        try:
            self._authorise(request.query.get("dataset_id", ""), _token(request))
        except _Refused as refused:
            return web.json_response({"error": refused.body}, status=refused.status)
        keys: dict[str, list[int]] = {}
        for event in self._events.values():
            keys.setdefault(event["event_name"], []).append(len(event["user_data"].keys() & set(_HASHED)))
        listed = [
            {
                "event_name": name,
                "event_match_quality": {"composite_score": round(min(10.0, 2 + 2 * sum(found) / len(found)), 1)},
                "event_coverage": {"percentage": 100.0},
            }
            for name, found in sorted(keys.items())
        ]
        return web.json_response({"web": listed})

    def _take(self, pixel: str, header_token: str, raw: bytes) -> int:
        try:
            body = json.loads(raw)
        except ValueError:
            # [errors] code 100: "Invalid parameter".
            raise _Refused(100, "(#100) The body is not valid JSON") from None
        if not isinstance(body, dict):
            raise _Refused(100, "(#100) The body must be an object")
        self._authorise(pixel, header_token or str(body.get("access_token", "")))
        if self.fail > 0:
            self.fail -= 1
            # [errors] code 1 or 2: "Possibly a temporary issue due to downtime. Wait and retry".
            raise _Refused(2, "An unexpected error has occurred. Please retry your request later.", status=500,
                           transient=True)  # fmt: skip
        if self.throttle > 0:
            self.throttle -= 1
            headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
            # [limits] code 4: application limit; 80004: business use case limit of an ad account.
            status = 429 if self.throttle_code == 4 else 400
            raise _Refused(self.throttle_code, f"(#{self.throttle_code}) Application request limit reached",
                           status=status, transient=True, headers=headers)  # fmt: skip
        events = body.get("data")
        if not isinstance(events, list) or not events:
            raise _Refused(100, "(#100) Missing or empty parameter: data")
        if len(events) > 1000:
            # [api] "You can send up to 1,000 events in data."
            raise _Refused(100, "(#100) Param data: too many events, at most 1000")
        # [api] "If any event in a batch is invalid, the entire batch is rejected."
        for index, event in enumerate(events):
            self._check(index, event)
        for event in events:
            self._remember(event)
        return len(events)

    def _authorise(self, pixel: str, token: str) -> None:
        if token not in self.tokens:
            # [errors] 190: "Access token has expired". Graph answers 400 or 401; both occur.
            raise _Refused(190, "Error validating access token: Session has expired.", subcode=463, status=401)
        if pixel != self.pixel_id:
            # [errors] 100, sub-code 33: object does not exist or missing permissions.
            raise _Refused(100, "Unsupported post request. Object does not exist, cannot be loaded due to missing "
                           "permissions, or does not support this operation.", subcode=33,
                           kind="GraphMethodException")  # fmt: skip

    def _check(self, index: int, event: Any) -> None:
        def refuse(words: str, subcode: int = 0) -> _Refused:
            place = f"data[{index}]" if self.names_culprit else "data"
            return _Refused(100, f"(#100) Invalid parameter: {place}: {words}", subcode=subcode)

        if not isinstance(event, dict):
            raise refuse("not an object")
        if str(event.get("event_id")) in self.poison:
            raise refuse("cannot be processed")
        # [params] event_name, event_time, user_data and action_source are required.
        for name in ("event_name", "event_time", "user_data", "action_source"):
            if not event.get(name):
                raise refuse(f"missing {name}")
        if event["action_source"] not in _ACTION_SOURCES:
            raise refuse("unknown action_source")
        self._check_time(event, refuse)
        self._check_user(event["user_data"], refuse)
        # [app data] both tracking choices and extinfo are "required for app events".
        if event["action_source"] == "app":
            wanted = {"advertiser_tracking_enabled", "application_tracking_enabled", "extinfo"}
            if missing := wanted - set(event.get("app_data") or {}):
                raise refuse(f"app events need app_data.{min(missing)}")
        # [params] website events need client_user_agent and event_source_url.
        if event["action_source"] == "website":
            if not event["user_data"].get("client_user_agent"):
                raise refuse("website events need client_user_agent")
            if not event.get("event_source_url"):
                raise refuse("website events need event_source_url")
        self._check_custom(event, refuse)

    def _check_time(self, event: dict[str, Any], refuse: Callable[..., _Refused]) -> None:
        when = event["event_time"]
        if not isinstance(when, int) or isinstance(when, bool):
            raise refuse("event_time must be Unix seconds")
        now = self._clock() // 1000
        # [params] "up to 7 days before you send an event"; physical_store 62 days; sub-code as seen in forwarders.
        days = 62 if event["action_source"] == "physical_store" else 7
        if when < now - days * _DAY:
            raise refuse("event timestamp too old", 2_804_003)
        # Milliseconds and future times: shape only; forwarders refuse more than a minute ahead.
        if when > now + 60:
            raise refuse("event timestamp in the future", 2_804_004)

    def _check_user(self, user: Any, refuse: Callable[..., _Refused]) -> None:
        if not isinstance(user, dict):
            raise refuse("user_data is not an object")
        for name in _HASHED:
            if name not in user:
                continue
            values = user[name] if isinstance(user[name], list) else [user[name]]
            for value in values:
                if not isinstance(value, str) or not _HEX.fullmatch(value):
                    raise refuse(f"{name} is not a SHA-256 hash")
                if value == _EMPTY or value in _POOR:
                    # Meta takes these and matches nobody; here a test must see it. Stricter than the real one.
                    raise refuse(f"{name} is the hash of an empty or unnormalised value")
        for name in ("client_ip_address", "client_user_agent", "fbp", "fbc"):
            value = user.get(name)
            # [params] these four: "Do not hash".
            if value is not None and (not isinstance(value, str) or _HEX.fullmatch(value)):
                raise refuse(f"{name} must be sent in clear")
        # [params] "at least one customer information parameter"; combinations that are too broad are refused.
        strong = {"em", "ph", "external_id", "fbp", "fbc", "madid", "lead_id"} & user.keys()
        device = {"client_ip_address", "client_user_agent"} <= user.keys()
        named = {"fn", "ln"} <= user.keys() and bool({"zp", "ct", "db"} & user.keys())
        if not (strong or device or named):
            raise refuse("not enough customer information", 2_804_050)

    def _check_custom(self, event: dict[str, Any], refuse: Callable[..., _Refused]) -> None:
        custom = event.get("custom_data", {})
        if not isinstance(custom, dict):
            raise refuse("custom_data is not an object")
        value = custom.get("value")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise refuse("value must be a number")
        if event["event_name"] == "Purchase" and (value is None or not custom.get("currency")):
            # [params] "Required for purchase events"; sub-code as seen in forwarders.
            raise refuse("Purchase needs value and currency", 2_804_009)
        if "currency" in custom and not re.fullmatch(r"[A-Z]{3}", str(custom["currency"])):
            raise refuse("currency must be an ISO 4217 code")
        ids = custom.get("content_ids", [])
        if not isinstance(ids, list) or not all(isinstance(each, str) and each for each in ids):
            raise refuse("content_ids must be an array of strings")
        if custom.get("content_type", "product") not in ("product", "product_group"):
            raise refuse("content_type must be product or product_group")
        for content in custom.get("contents", []):
            if not isinstance(content, dict) or not content.get("id"):
                raise refuse("contents need an id")

    def _remember(self, event: dict[str, Any]) -> None:
        # [api] events with the same event_name and event_id are one.
        name = f"{event['event_name']}\0{event.get('event_id') or len(self._events)}"
        if name in self._events:
            self.duplicates += 1
            return
        self._events[name] = event
        while len(self._events) > self._keep:
            del self._events[next(iter(self._events))]


def _token(request: web.Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else request.query.get("access_token", "")
