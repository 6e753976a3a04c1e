"""What `make lint` promises of the committed script, without Node."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from rekindle.tags import compile as compiling

TOOL = Path(__file__).parents[2] / "tools" / "tag_size.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("tag_size", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_script_is_small_and_made_from_its_sources(tool):
    assert tool.problems() == []


def test_a_stale_script_is_noticed(tool, tmp_path, monkeypatch):
    for name in (*compiling.PARTS, "tag.min.js"):
        (tmp_path / name).write_bytes((compiling.RUNTIME / name).read_bytes())
    (tmp_path / "tag.js").write_text("// changed")
    monkeypatch.setattr(compiling, "RUNTIME", tmp_path)
    monkeypatch.setattr(tool, "RUNTIME", tmp_path)
    assert "older than its sources" in tool.problems()[0]


def test_a_stale_or_missing_adapter_is_noticed(tool, tmp_path, monkeypatch):
    shutil.copytree(compiling.RUNTIME, tmp_path, dirs_exist_ok=True)
    (tmp_path / "adapters" / "klaro.js").write_text("// changed")
    (tmp_path / "adapters" / "fresh.js").write_text("const fresh = {};")
    monkeypatch.setattr(compiling, "RUNTIME", tmp_path)
    monkeypatch.setattr(tool, "RUNTIME", tmp_path)
    stale, missing = sorted(tool.problems(), key=len)
    assert "klaro.min.js is older" in stale
    assert "adapters/fresh" in missing


def test_a_fat_script_is_noticed(tool, monkeypatch):
    monkeypatch.setattr(tool, "LIMIT", 1000)
    assert "the limit is 1000" in tool.problems()[0]
