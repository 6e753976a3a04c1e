"""A destination document's settings: names of secrets, never secrets; a wrong key says what to change."""

import tomllib

import pytest

from rekindle.destinations import criteo_audience, meta
from rekindle.egress.connector import SettingsError
from rekindle.egress.options import check_settings, take_apart


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
        ('pixel_id = "1"\naccess_token = { secret = "t" }\nunknown_ids = "keep"', "Invalid enum value"),
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
