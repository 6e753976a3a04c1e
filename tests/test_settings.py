"""Process settings: safe defaults, the environment, the command line over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.settings import SettingError, load


def test_defaults_listen_on_this_machine_only() -> None:
    settings = load(environment={})
    assert settings.host == "127.0.0.1"
    assert not settings.allow_private_addresses


def test_the_environment_sets_and_the_command_line_wins() -> None:
    environment = {
        "REKINDLE_DATA": "/var/lib/rekindle",
        "REKINDLE_GATEWAY_PORT": "9000",
        "REKINDLE_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2",
    }
    settings = load({"gateway_port": 9001, "host": None}, environment)
    assert settings.data == Path("/var/lib/rekindle")
    assert settings.gateway_port == 9001
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(SettingError, match="gateway_port"):
        load(environment={"REKINDLE_GATEWAY_PORT": "eight"})
