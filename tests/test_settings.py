"""Process settings: safe defaults, the environment, the command line over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekindle.settings import SettingError, load, misspelt


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
    with pytest.raises(SettingError, match=r"REKINDLE_GATEWAY_PORT = 'eight': Expected `int`"):
        load(environment={"REKINDLE_GATEWAY_PORT": "eight"})


def test_what_kubernetes_sets_for_a_service_is_told_apart() -> None:
    with pytest.raises(SettingError, match="enableServiceLinks: false"):
        load(environment={"REKINDLE_GATEWAY_PORT": "tcp://10.0.0.7:8700"})


def test_a_misspelt_variable_is_named_and_others_are_left_alone() -> None:
    environment = {
        "REKINDLE_DATABASE": "postgresql+psycopg://x", "REKINDLE_LOGURL": "kafka://x", "REKINDLE_DATA": "/x",
        "REKINDLE_SECRET_META_TOKEN": "x", "REKINDLE_MASTER_KEY_FILE": "x", "REKINDLE_WORKSPACE": "x",
        "REKINDLE_GATEWAY_SERVICE_PORT": "8700", "REKINDLE_CHROMIUM": "x", "DATABASE_URL": "x",
    }  # fmt: skip
    found = misspelt(environment)
    assert [line.split(" ")[0] for line in found] == ["REKINDLE_DATABASE", "REKINDLE_LOGURL"]
    assert "is REKINDLE_DATABASE_URL meant" in found[0]
    assert "postgresql" not in found[0], "a value may hold a password"
