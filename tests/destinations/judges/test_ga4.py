"""GA4 has no package that judges, and its collection server takes everything: its published limits are held here.

Source: Measurement Protocol (GA4), "Limitations" and "Reserved names".
"""

import re
from typing import Any

from hypothesis import given

from tests.destinations.judges.bodies import sent, shop_events

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
RESERVED = ("_", "firebase_", "ga_", "google_", "gtag.")


@given(shop_events)
def test_whatever_a_shop_sends_is_within_the_limits(event: dict[str, Any]):
    for body in sent("ga4", event):
        assert len(body["events"]) <= 25
        for each in body["events"]:
            assert NAME.fullmatch(each["name"])
            assert not each["name"].startswith(RESERVED)
            assert len(each["params"]) <= 25
            assert all(NAME.fullmatch(name) and not name.startswith(RESERVED) for name in each["params"])
            texts = [text for name, text in each["params"].items() if isinstance(text, str) and name not in LONG]
            assert all(len(text) <= 100 for text in texts)
            assert len(each["params"].get("items", [])) <= 200
            for item in each["params"].get("items", []):
                assert all(len(text) <= 100 for text in item.values() if isinstance(text, str))


# "page_title 300, page_referrer 420, page_location 1000" characters.
LONG = ("page_title", "page_referrer", "page_location")
