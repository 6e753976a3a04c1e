"""Microsoft's own package judges the customer list: the service description (WSDL) that it carries.

The JSON of the service has the names and types of its XML. The description is read without the package's client.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.destinations.judges.bodies import requests

SCHEMA = {"xs": "http://www.w3.org/2001/XMLSchema"}


@pytest.fixture(scope="module")
def description() -> Any:
    # To import it would bring its whole SOAP client along; the file is enough.
    found = find_spec("bingads")
    if found is None or not found.submodule_search_locations:
        pytest.skip("not installed: pip install --group judges")
    folder = Path(found.submodule_search_locations[0])
    return etree.parse(folder / "v13/proxies/production/campaignmanagement_service.xml")


def members(description: Any, kind: str) -> dict[str, str]:
    found = description.xpath(f"//xs:complexType[@name='{kind}']/xs:sequence/xs:element", namespaces=SCHEMA)
    return {each.get("name"): each.get("type", "").partition(":")[2] for each in found}


def choices(description: Any, kind: str) -> set[str]:
    return set(description.xpath(f"//xs:simpleType[@name='{kind}']//xs:enumeration/@value", namespaces=SCHEMA))


@pytest.mark.parametrize("request_", requests("microsoft_audience"))
def test_every_request(description: Any, request_: dict[str, Any]):
    (name, data), *more = request_["body"].items()
    assert (name, more) == ("CustomerListUserData", [])
    known = members(description, "CustomerListUserData")
    assert set(data) <= set(known)
    assert data["ActionType"] in choices(description, known["ActionType"])
    assert data["CustomerListItemSubType"] in choices(description, known["CustomerListItemSubType"])
    assert known["AudienceId"] == "long"
    assert int(data["AudienceId"]) > 0
    assert known["CustomerListItems"] == "ArrayOfstring"
    assert all(isinstance(each, str) for each in data["CustomerListItems"])
