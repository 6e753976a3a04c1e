"""A destination that brings its own normaliser: probes know it, and who is erased is looked for by its hashes."""

import hashlib
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from rekindle.cli import _accounts, main
from rekindle.privacy.normalise import PLATFORMS, Context, Platform, steps
from rekindle.privacy.normalise.rules import Rule
from rekindle.privacy.subjects.needles import needles


def _backwards(value: str, context: Context) -> str:
    return steps.email(value, context)[::-1]


OWN = Platform("own", "1", {"email": Rule(_backwards)})
DIGEST = hashlib.sha256(b"moc.elpmaxe@anna").hexdigest()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def found(_package: str) -> Any:
        return {"own": SimpleNamespace(manifest=SimpleNamespace(identifiers=OWN))}

    monkeypatch.setattr(_accounts, "discover", found)
    _accounts.normalisers.cache_clear()
    yield
    _accounts.normalisers.cache_clear()


@pytest.mark.usefixtures("installed")
def test_the_probe_knows_it():
    line = json.dumps({"id": 1, "platform": "own", "field": "email", "input": " anna@example.com"})
    done = CliRunner().invoke(main, ["identifiers", "normalise"], input=line)
    assert json.loads(done.output)["hash"] == hashlib.sha256(b"moc.elpmaxe@anna").hexdigest()


@pytest.mark.usefixtures("installed")
def test_survivors_are_looked_for_by_its_hashes_and_by_everybody_elses():
    found = needles([], [("email", "anna@example.com")], None, list(_accounts.normalisers().values())).forms
    assert DIGEST.encode() in found
    assert set(needles([], [("email", "anna@example.com")], None).forms) < set(found)


@pytest.mark.usefixtures("installed")
def test_none_can_replace_a_shared_one():
    assert set(_accounts.normalisers()) == {*PLATFORMS, "own"}
