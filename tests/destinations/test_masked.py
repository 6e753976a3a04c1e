"""What a letter shows of an event names nobody, at every destination, and still says what the platform got."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.destinations.preview import account
from rekindle.destinations.preview_event import read_event
from rekindle.egress._strangers import masked, stranger
from rekindle.egress.connector import Mapped
from rekindle.model.event import Client, User
from rekindle.model.sealed import Sealed
from tests.destinations.test_conformance_bad_input import EVENTS, MODULES, config, purchase

PERSON = Sealed(
    Client(**purchase()["client"] | {"gbraid": "gb-9", "wbraid": "wb-9", "fbc": "fb.1.1756720000000.Ab9"}),
    User(**purchase()["user"] | {"street": "Polna 1", "city": "Łódź", "region": "łódzkie", "postal_code": "90-001",
                                 "gender": "f", "date_of_birth": "1990-02-03"}),
)  # fmt: skip


def mapped(name: str, person: Sealed) -> Any:
    connector, _, _ = account(MODULES[name], config(name))
    event = read_event(purchase({"items": [{"item_id": "sku-1", "price": 7, "quantity": 2}]}))
    found = connector.map(msgspec.structs.replace(event, client=person.client, user=person.user))
    assert isinstance(found, Mapped)
    return found.body


@pytest.mark.parametrize("name", EVENTS)
def test_everything_that_comes_from_the_person_is_described(name: str):
    own, one, other = (mapped(name, each) for each in (PERSON, stranger(PERSON, 0), stranger(PERSON, 1)))
    shown = msgspec.json.encode(masked(own, one, other), enc_hook=str).decode()
    clear = msgspec.json.decode(msgspec.json.encode(own, enc_hook=str))
    told = [*_leaves(msgspec.to_builtins(PERSON))]
    assert not [value for value in told if len(value) > 2 and json.dumps(value, ensure_ascii=False) in shown]
    assert not [value for value in _leaves(clear) if len(value) == 64 and value in shown], "no hash of anybody"
    assert any(word in shown for word in ("sku-1", "T-1", "e1")), "what was bought is still told"


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value] if isinstance(value, str) else []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_all_have_in_common_is_shown_and_nothing_else(value: Any):
    assert masked(value, value, value) == value
    for hidden in (masked(value, None, None), masked(value, value, [])):
        assert not [leaf for leaf in _leaves(hidden) if not leaf.startswith("(")]
