"""Pinterest's own generated client judges: its models are made from Pinterest's OpenAPI description."""

from typing import Any

import pytest
from hypothesis import given

from tests.destinations.judges import openapi
from tests.destinations.judges.bodies import load, requests, sent, shop_events

PACKAGE = "openapi_generated.pinterest_client"


def read(model: str, body: Any) -> Any:
    module, name = model.split(".")
    return openapi.read(PACKAGE, getattr(load(f"{PACKAGE}.model.{module}"), name), body)


@pytest.mark.parametrize("request_", requests("pinterest"))
def test_every_event_request(request_: dict[str, Any]):
    read("conversion_events.ConversionEvents", request_["body"])


@given(shop_events)
def test_whatever_a_shop_sends(event: dict[str, Any]):
    for body in sent("pinterest", event):
        read("conversion_events.ConversionEvents", body)


@pytest.mark.parametrize("request_", requests("pinterest_audience"))
def test_every_list_request(request_: dict[str, Any]):
    read("customer_list_update_request.CustomerListUpdateRequest", request_["body"])


def good() -> dict[str, Any]:
    (first, *_) = (request.values[0]["body"] for request in requests("pinterest"))
    return {"data": [dict(first["data"][0])]}


@pytest.mark.parametrize(
    "change",
    [{"event_time": "yesterday"}, {"opt_out": "yes"}, {"campaign": "x"}, {"custom_data": {"value": 1.5}},
     {"user_data": {"em": "not in an array"}}],
)  # fmt: skip
def test_what_the_description_does_not_allow_is_refused(change: dict[str, Any]):
    body = good()
    read("conversion_events.ConversionEvents", body)
    body["data"][0].update(change)
    with pytest.raises(Exception, match=r"Invalid|is not in|must be"):
        read("conversion_events.ConversionEvents", body)
