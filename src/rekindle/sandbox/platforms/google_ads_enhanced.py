"""A simulated Google Ads conversion upload. Source: Google Ads API v23, UploadConversionAdjustments, UploadClickConversions.

With ``partialFailure`` the bad uploads are named by index and the others are taken. What became of them is told by a
summary for each way in: "Offline data diagnostics", ``offline_conversion_upload_client_summary``.
"""

from __future__ import annotations

import re
from typing import Any

from rekindle.egress.connector import Answer
from rekindle.sandbox.platforms._rules import bearer, digest, number
from rekindle.sandbox.platforms.simulated import Call, reply

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
_PATH = re.compile(r"/v\d+/customers/(\d+):upload(ConversionAdjustments|ClickConversions)", re.ASCII)
_SEARCH = re.compile(r"/v\d+/customers/\d+/googleAds:search", re.ASCII)


def answer(call: Call) -> Answer:
    """Answer one call."""
    if not bearer(call.headers):
        return _error(401, "UNAUTHENTICATED", "authenticationError", "OAUTH_TOKEN_EXPIRED")
    if not call.headers.get("developer-token"):
        return _error(400, "INVALID_ARGUMENT", "authenticationError", "DEVELOPER_TOKEN_PARAMETER_MISSING")
    if _SEARCH.fullmatch(call.path):
        return _diagnostics(call.body)
    path, body = _PATH.fullmatch(call.path), call.body
    if path is None or not isinstance(body, dict) or body.get("partialFailure") is not True:
        return _error(400, "INVALID_ARGUMENT", "requestError", "REQUIRED_FIELD_MISSING")
    clicks = path[2] == "ClickConversions"
    rows = body.get("conversions" if clicks else "conversionAdjustments") or []
    if not 1 <= len(rows) <= 2000:
        return _error(400, "INVALID_ARGUMENT", "conversionAdjustmentUploadError", "TOO_MANY_ADJUSTMENTS_IN_REQUEST")
    faults = {index: code for index, row in enumerate(rows) if (code := _click(row) if clicks else _adjustment(row))}
    results = [{} if index in faults else {"orderId": row.get("orderId")} for index, row in enumerate(rows)]
    if not faults:
        return reply({"results": results})
    kind = "conversionUploadError" if clicks else "conversionAdjustmentUploadError"
    errors = [
        {
            "errorCode": {kind: code},
            "message": code,
            "location": {"fieldPathElements": [{"fieldName": "conversions", "index": index}]},
        }
        for index, code in faults.items()
    ]
    failure = {"code": 3, "message": "Multiple errors in 'details'.", "details": [{"errors": errors}]}
    return reply({"partialFailureError": failure, "results": results})


def _diagnostics(body: Any) -> Answer:
    query = body.get("query") if isinstance(body, dict) else None
    if not isinstance(query, str) or " FROM offline_conversion_upload_client_summary" not in query:
        return _error(400, "INVALID_ARGUMENT", "queryError", "UNRECOGNIZED_FIELD")
    # Numbers of 64 bits are text in Google's JSON.
    summary = {"client": "GOOGLE_ADS_API", "status": "NEEDS_ATTENTION", "totalEventCount": "200",
               "successfulEventCount": "188", "pendingEventCount": "10"}  # fmt: skip
    return reply({"results": [{"offlineConversionUploadClientSummary": summary}], "fieldMask": query})


def _adjustment(row: Any) -> str:
    if not row.get("orderId") or not row.get("conversionAction"):
        return "MISSING_ORDER_ID_FOR_WEBPAGE"
    if row.get("adjustmentType") == "ENHANCEMENT":
        return "" if _people(row) else "NO_USER_IDENTIFIERS"
    # "RETRACTION and RESTATEMENT must not carry identifiers and need a time."
    if row.get("userIdentifiers") or not _MOMENT.fullmatch(row.get("adjustmentDateTime", "")):
        return "INVALID_ADJUSTMENT"
    return ""


def _click(row: Any) -> str:
    ids = [name for name in ("gclid", "gbraid", "wbraid") if row.get(name)]
    if len(ids) > 1 or (not ids and not _people(row)):
        return "INVALID_CLICK_ID"
    if ids and ids[0] != "gclid" and row.get("userIdentifiers"):
        return "INVALID_USER_IDENTIFIER"
    if not _MOMENT.fullmatch(row.get("conversionDateTime", "")):
        return "INVALID_DATE_TIME"
    if "conversionValue" in row and not (number(row["conversionValue"]) and row.get("currencyCode")):
        return "INVALID_CURRENCY_CODE"
    return ""


def _people(row: Any) -> bool:
    found = row.get("userIdentifiers") or []
    hashes = [each[name] for each in found for name in ("hashedEmail", "hashedPhoneNumber") if name in each]
    return 1 <= len(found) <= 5 and all(digest(each) for each in hashes)


def _error(code: int, status: str, kind: str, name: str) -> Answer:
    details = [{"errors": [{"errorCode": {kind: name}, "message": name}]}]
    return reply({"error": {"code": code, "status": status, "message": name, "details": details}}, code)
