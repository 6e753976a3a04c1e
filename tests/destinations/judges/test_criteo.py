"""Criteo's own client judges the contact lists: its models are made from Criteo's OpenAPI description of our version."""

from typing import Any

import pytest

from rekindle.destinations.criteo_audience.connector import VERSION
from tests.destinations.judges import openapi
from tests.destinations.judges.bodies import load, requests

PACKAGE = f"criteo_api_marketingsolutions_v{VERSION.replace('-', '_')}"


def read(body: Any) -> Any:
    model = load(f"{PACKAGE}.model.contactlist_amendment_request").ContactlistAmendmentRequest
    return openapi.read(PACKAGE, model, body)


@pytest.mark.parametrize("request_", requests("criteo_audience"))
def test_every_request(request_: dict[str, Any]):
    read(request_["body"])


@pytest.mark.parametrize("request_", requests("criteo_audience"))
def test_it_goes_where_their_client_would_send_it(request_: dict[str, Any]):
    client = load(f"{PACKAGE}.api_client").ApiClient()
    endpoint = load(f"{PACKAGE}.api.audience_api").AudienceApi(client)
    described = endpoint.update_contact_list_by_audience_segment_endpoint.settings
    path = described["endpoint_path"].replace("{audience-segment-id}", request_["url"].split("/")[-2])
    assert request_["url"] == f"https://api.criteo.com{path}"
    assert request_["method"] == described["http_method"]


@pytest.mark.parametrize("change", [{"operation": "delete"}, {"identifierType": "e-mail"}, {"identifiers": "a,b"},
                                    {"gumCallerId": "x"}, {"list": 1}])  # fmt: skip
def test_what_the_description_does_not_allow_is_refused(change: dict[str, Any]):
    body = requests("criteo_audience")[0].values[0]["body"]
    changed = body["data"]["attributes"] | change
    with pytest.raises(Exception, match=r"Invalid|is not in"):
        read({"data": body["data"] | {"attributes": changed}})
