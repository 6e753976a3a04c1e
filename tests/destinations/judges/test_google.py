"""Google's own packages judge: the protocol buffers of google-ads-datamanager, and those of google-ads where it is there.

A field that there is not, a wrong type or an unknown enum raises.
"""

from typing import Any

import pytest
from hypothesis import given

from rekindle.destinations.google_ads_enhanced.connector import VERSION
from tests.destinations.judges.bodies import conversions, load, load_or_skip, requests, sent


def data_manager(kind: str, body: Any) -> Any:
    message = getattr(load("google.ads.datamanager_v1"), kind).pb()()
    return load("google.protobuf.json_format").ParseDict(body, message)


@pytest.mark.parametrize("request_", requests("google_data_manager"))
def test_data_manager_reads_every_event_request(request_: dict[str, Any]):
    read = data_manager("IngestEventsRequest", request_["body"])
    assert len(read.events) == len(request_["body"]["events"])


@given(conversions)
def test_data_manager_reads_whatever_a_shop_sends(event: dict[str, Any]):
    for body in sent("google_data_manager", event, merchant_id="1", feed_label="PL", feed_language="pl"):
        data_manager("IngestEventsRequest", body)


@pytest.mark.parametrize("request_", requests("google_data_manager_audience"))
def test_data_manager_reads_every_audience_request(request_: dict[str, Any]):
    kind = "RemoveAudienceMembersRequest" if request_["url"].endswith(":remove") else "IngestAudienceMembersRequest"
    read = data_manager(kind, request_["body"])
    assert len(read.audience_members) == len(request_["body"]["audienceMembers"])


def test_data_manager_would_refuse_a_field_that_there_is_not():
    with pytest.raises(Exception, match="addressInfo"):
        data_manager("IngestEventsRequest", {"events": [{"userData": {"userIdentifiers": [{"addressInfo": {}}]}}]})


def ads(verb: str, body: Any) -> Any:
    services = f"google.ads.googleads.{VERSION}.services.types"
    name = {
        "uploadConversionAdjustments": ("conversion_adjustment_upload_service", "UploadConversionAdjustmentsRequest"),
        "uploadClickConversions": ("conversion_upload_service", "UploadClickConversionsRequest"),
    }[verb]
    message = getattr(load_or_skip(f"{services}.{name[0]}"), name[1]).pb()()
    return load("google.protobuf.json_format").ParseDict(body, message)


@pytest.mark.parametrize("request_", requests("google_ads_enhanced"))
def test_google_ads_reads_every_request(request_: dict[str, Any]):
    ads(request_["url"].rpartition(":")[2], request_["body"])


@pytest.mark.parametrize(
    ("upload", "verb"), [("enhancement", "uploadConversionAdjustments"), ("click", "uploadClickConversions")]
)
@given(event=conversions)
def test_google_ads_reads_whatever_a_shop_sends(upload: str, verb: str, event: dict[str, Any]):
    for body in sent("google_ads_enhanced", event, upload=upload):
        ads(verb, body)
