"""Finding a browser: what is tried, in which order, and what is a skip and what a failure."""

from __future__ import annotations

import subprocess

import pytest

from tests.browser import _chromium


def test_the_environment_names_one(monkeypatch):
    monkeypatch.setenv("REKINDLE_CHROMIUM", "/opt/chrome")
    assert _chromium.find() == ("/opt/chrome", {})


@pytest.fixture
def bare(monkeypatch):
    """A machine without a named browser, with Node 20.11 and nothing else."""
    monkeypatch.delenv("REKINDLE_CHROMIUM", raising=False)
    tools = {"node": "/bin/node", "npm": "/bin/npm"}
    monkeypatch.setattr("shutil.which", tools.get)
    monkeypatch.setattr(_chromium, "_run", lambda *command: "v20.11.0\n")
    return tools


def test_no_node_is_a_skip(bare):
    bare.clear()
    with pytest.raises(_chromium.NoNodeError, match="not installed"):
        _chromium.find()


@pytest.mark.parametrize("version", ["v18.20.1", "v20.10.0"])
def test_an_old_node_is_a_skip(bare, monkeypatch, version):
    monkeypatch.setattr(_chromium, "_run", lambda *command: version)
    with pytest.raises(_chromium.NoNodeError, match="too old"):
        _chromium.find()


def test_node_without_any_browser_is_a_failure(bare, monkeypatch):
    def fail():
        raise subprocess.CalledProcessError(1, "npm", stderr="the registry is away")

    monkeypatch.setattr(_chromium, "_carried", fail)
    with pytest.raises(_chromium.NoChromiumError, match="REKINDLE_CHROMIUM"):
        _chromium.find()
    bare["chromium"] = "/usr/bin/chromium"
    assert _chromium.find() == ("/usr/bin/chromium", {})
