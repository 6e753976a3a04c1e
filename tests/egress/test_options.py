"""A destination document's settings: names of secrets, never secrets; a wrong key says what to change."""

import tomllib
from typing import Annotated

import msgspec
import pytest

from rekindle.destinations import criteo_audience, meta, webhook
from rekindle.egress.connector import SettingsError
from rekindle.egress.options import WrongSetting, check_settings, take_apart, try_settings
from rekindle.egress.wording import explained


def read(text: str) -> object:
    return take_apart(meta.manifest, tomllib.loads(text))


def test_the_three_parts():
    parts = take_apart(
        meta.manifest,
        tomllib.loads('pixel_id = "1"\naccess_token = { secret = "meta_token" }\nunknown_ids = "reject"'),
    )
    assert parts.settings == {"pixel_id": "1"}
    assert parts.secrets == {"access_token": "meta_token"}
    assert parts.options.unknown_ids == "reject"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('pixel_id = "1"', "access_token is missing; write access_token = { secret"),
        ('pixel_id = "1"\naccess_token = "EAAB-real-token"', "access_token is a secret and is never written here"),
        ('access_token = { secret = "t" }', "pixel_id is missing"),
        ('pixel_id = "1"\naccess_token = { secret = "t" }\npixel = 1', "unknown setting 'pixel'"),
        ('pixel_id = "1"\naccess_token = { secret = "t" }\nunknown_ids = "keep"', 'write "drop" or "reject"'),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_repeated(text: str, words: str):
    with pytest.raises(SettingsError, match=words) as caught:
        read(text)
    assert "EAAB" not in str(caught.value)


@pytest.mark.parametrize(
    "given", [{"audience_id": 42, "gum_caller_id": "678"}, {"audience_id": "42", "gum_caller_id": 678}]
)
def test_ids_are_text_and_numbers_are_numbers_however_they_were_written(given: dict[str, object]):
    kind = criteo_audience.connector._Settings
    found = check_settings(criteo_audience.manifest, given, {"access_token": "t"}, kind)
    assert (found.audience_id, found.gum_caller_id) == ("42", 678)


def test_a_truth_is_no_number():
    with pytest.raises(SettingsError, match="audience_id"):
        check_settings(
            criteo_audience.manifest, {"audience_id": True}, {"access_token": "t"}, criteo_audience.connector._Settings
        )


class _Kind(msgspec.Struct, kw_only=True):
    batch: int = 100
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1
    test: bool = False
    goals: dict[str, str] = {}
    names: list[str] = []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"batch": "lots"}, 'batch = "lots" cannot be used; write a whole number'),
        ({"batch": 1.5}, "batch = 1.5 cannot be used; write a whole number"),
        ({"share": 2}, "share = 2 cannot be used; write a number from 0 to 1"),
        ({"test": "yes"}, 'test = "yes" cannot be used; write true or false'),
        ({"test": [1]}, "test = a list of 1 cannot be used; write true or false"),
        ({"goals": "a"}, 'goals = "a" cannot be used; write a table, { name = … }'),
        ({"goals": {"a": 1}}, "goals = a value cannot be used; write text in quotation marks"),
        ({"names": ["a", 2]}, "names[1] = 2 cannot be used; write text in quotation marks"),
        ({"names": "a"}, 'names = "a" cannot be used; write a list, [ … ], each text in quotation marks'),
        ({"batch": "EAABwzLixnjYBO" * 4}, "batch = text of 56 characters cannot be used; write a whole number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_what_could_stand_there(given: dict[str, object], words: str):
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(given, _Kind)
    assert explained(caught.value, _Kind, given) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('concurrency = "many"', 'meta: concurrency = "many" cannot be used; write a whole number from 1 to 64'),
        ("concurrency = 65", "meta: concurrency = 65 cannot be used; write a whole number from 1 to 64"),
        ('secret_expires = "soon"', 'meta: secret_expires = "soon" cannot be used; write a day, such as 2027-03-31'),
        ('unknown_ids = "keep"', 'meta: unknown_ids = "keep" cannot be used; write "drop" or "reject"'),
        ('batch = "lots"', 'meta: batch = "lots" cannot be used; write a whole number'),
        ("batch = 0", "meta: batch = 0 cannot be used; write a whole number from 1 to 1000"),
    ],
)
def test_what_a_plan_says_of_a_setting_whose_secret_may_still_come(text: str, words: str):
    with pytest.raises(WrongSetting) as caught:
        try_settings(
            meta, take_apart(meta.manifest, tomllib.loads(f'pixel_id = "1"\naccess_token.secret = "t"\n{text}'))
        )
    assert str(caught.value) == words


def test_what_a_connector_makes_of_a_secret_is_not_said_of_settings():
    try_settings(webhook, take_apart(webhook.manifest, {"url": "https://shop.example/", "secret": {"secret": "t"}}))
