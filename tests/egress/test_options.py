"""A destination document's settings: names of secrets, never secrets; a wrong key says what to change."""

import tomllib

import pytest

from rekindle.destinations import meta
from rekindle.egress.connector import SettingsError
from rekindle.egress.options import take_apart


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
