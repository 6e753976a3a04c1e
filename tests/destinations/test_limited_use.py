"""One decision limits the use at every platform: the permit's, which each mapping tells in the platform's own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.destinations.test_conformance_bad_input import EVENTS, purchase, run

# Where each platform wants to be told (reference: each connector's own sources).
WHERE: dict[str, tuple[str, ...]] = {
    "meta": ("data_processing_options", "LDU"),
    "snapchat": ("data_processing_options", "LDU"),
    "reddit": ("data_processing_options", "LDU"),
    "tiktok": ("limited_data_use", "true"),
    "pinterest": ("opt_out", "LDP"),
    "microsoft_uet": ("adStorageConsent", '"D"'),
    "google_data_manager": ("adPersonalization", "CONSENT_DENIED"),
    "ga4": ("ad_personalization", "DENIED"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_limited_use_is_told_or_the_event_stays(name: str) -> None:
    plain, plain_bodies = run(name, purchase())
    assert plain.outcome == "send"
    limited, bodies = run(name, purchase(ldu={"enabled": True, "country": 1, "state": 1000}))
    if limited.outcome != "send":
        assert limited.reasons == {"e1": "limited-use"}
        return
    assert bodies != plain_bodies
    told: Any = json.dumps(bodies)
    for word in WHERE.get(name, ()):
        assert word in told
    if name in WHERE:
        assert not all(word in json.dumps(plain_bodies) for word in WHERE[name])
