"""The probes `rekindle consent decode|decide` and `rekindle identifiers normalise`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rekindle.cli import main
from tests.privacy.encode import tcf

NOW = "2026-06-01T00:00:00Z"
GVL = {"vendors": {"755": {"purposes": [1, 3, 4], "legIntPurposes": [2, 7], "flexiblePurposes": [2, 7]}}}


def probe(command: str, *lines: object, status: int = 0) -> list[dict[str, Any]]:
    text = b"".join((line if isinstance(line, bytes) else _line(line).encode()) + b"\n" for line in lines)
    result = CliRunner().invoke(main, command.split(), input=text)
    assert result.exit_code == status, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def _line(line: object) -> str:
    return line if isinstance(line, str) else json.dumps(line)


@pytest.mark.parametrize(
    "command",
    ["consent decode", "consent decide", "identifiers normalise", "destinations preview", "destinations classify"],
)
def test_whatever_a_line_is_the_next_one_gets_its_answer(command: str) -> None:
    bad = {
        "truncated": b'{"id": "truncated"',
        "nan": b'{"id": "nan", "x": NaN}',
        "trailing": b'{"id": "trailing"} {}',
        "latin": b'{"id": "latin", "x": "\xff"}',
        "surrogate": b'{"id": "surrogate", "x": "\\ud800"}',
        "array-bomb": b'{"id": "array-bomb", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "object-bomb": b'{"id": "object-bomb", "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        None: b'\x00{"id": "zero"}',
        7: b'{"id": 7,}',
    }
    empty, *answers, last = probe(
        command, b'\xef\xbb\xbf{"id": "bom"}', b"", b" \t", *bad.values(), {"id": 1}, status=1
    )
    assert empty["id"] == "bom", "a byte-order mark is no part of the first line"
    assert [answer["id"] for answer in answers] == list(bad)
    assert all(set(answer) == {"id", "error"} for answer in answers)
    assert all("line " in answer["error"] for answer in answers), "the place is named"
    assert last == {**empty, "id": 1}


def test_help_shows_examples_as_they_are_typed() -> None:
    for command in ("consent decode", "consent decide", "identifiers normalise"):
        shown = CliRunner().invoke(main, [*command.split(), "--help"]).stdout
        assert "\n  echo '{" in shown, command


def test_a_destination_stands_for_its_platform() -> None:
    pairs = {
        "google_data_manager_audience": "google", "google_ads_enhanced": "google", "ga4": "google",
        "microsoft_uet": "microsoft", "microsoft_audience": "microsoft", "meta_custom_audience": "meta",
        "snapchat_audience": "snapchat", "criteo_audience": "criteo", "linkedin_audience": "linkedin",
    }  # fmt: skip
    for name, platform in pairs.items():
        line = {"id": 1, "field": "email", "input": "A.nna+x@Gmail.com"}
        ours, theirs = probe("identifiers normalise", line | {"platform": name}, line | {"platform": platform})
        assert ours == theirs, name


def test_decode_each_kind() -> None:
    inputs = {
        "tcf": tcf(), "gpp": "DBABLA~CAAQAAAAAABA.QA", "usp": "1YNN", "ac": "2~1~dv.", "gcd": "11l1l1l1l5",
        "gcs": "G111", "gpc_header": "1",
    }  # fmt: skip
    answers = probe("consent decode", *({"id": kind, "kind": kind, "input": text} for kind, text in inputs.items()))
    assert [answer["id"] for answer in answers] == list(inputs)
    assert {answer["verdict"] for answer in answers} == {"valid", "signal"}
    assert answers[0]["facts"]["vendor_consents"] == [755]
    assert answers[1]["section_ids"] == [7]
    assert answers[1]["sections"]["usnat"]["SaleOptOut"] == 1


def test_decode_refuses_without_facts_and_goes_on_after_a_bad_line() -> None:
    answers = probe(
        "consent decode",
        {"id": 1, "kind": "tcf", "input": "CQSb"},
        "no json",
        {"id": 3, "kind": "tcf2", "input": "x"},
        {"id": 4, "kind": "tcf", "input": 7},
        {"id": 5, "kind": "tcf", "input": None},
        status=1,
    )
    assert (answers[0]["verdict"], answers[0]["facts"]) == ("malformed", None)
    assert [set(answer) for answer in answers[1:4]] == [{"id", "error"}] * 3
    assert answers[4]["verdict"] == "absent"


def test_decide_by_an_inline_list_and_by_path(tmp_path: Path) -> None:
    path = tmp_path / "vendor-list.json"
    path.write_text(json.dumps(GVL))
    base = {"input": tcf(), "vendors": [755, 91], "gdpr_applies": True, "now": NOW}
    inline, by_path = probe("consent decide", base | {"id": 1, "gvl": GVL}, base | {"id": 2, "gvl": str(path)})
    assert inline["decisions"] == by_path["decisions"]
    google = inline["decisions"]["755"]
    assert google["1"] == google["3"] == google["4"] == "consent"
    assert google["2"] == "none:no-purpose-li"
    assert google["5"] == "none:purpose-not-declared"
    assert set(inline["decisions"]["91"].values()) == {"none:vendor-not-disclosed"}
    assert list(google) == [str(purpose) for purpose in range(1, 12)]


@pytest.mark.parametrize(("text", "reason"), [("x!", "malformed"), (None, "absent"), (tcf(policy=3), "policy-too-old")])
def test_decide_names_why_the_whole_string_is_nothing(text: str | None, reason: str) -> None:
    [answer] = probe("consent decide", {"id": 1, "input": text, "vendors": [755], "gvl": GVL, "now": NOW})
    assert set(answer["decisions"]["755"].values()) == {f"none:{reason}"}


def test_decide_says_what_is_wrong_with_the_line(tmp_path: Path) -> None:
    answers = probe(
        "consent decide",
        {"id": 1, "input": tcf(), "vendors": ["x"]},
        {"id": 2, "input": tcf(), "vendors": [1], "gvl": str(tmp_path / "none.json")},
        {"id": 3, "input": tcf(), "vendors": [1], "gvl": {"vendors": []}},
        {"id": 4, "input": tcf(), "vendors": [1], "now": "today"},
        status=1,
    )
    assert all(set(answer) == {"id", "error"} for answer in answers)


def test_normalise() -> None:
    answers = probe(
        "identifiers normalise",
        {"id": "a", "platform": "meta", "field": "phone", "input": "601 234 567", "context": {"default_region": "PL"}},
        {"id": "b", "platform": "google", "field": "country", "input": "pl"},
        {"id": "c", "platform": "meta", "field": "email", "input": "  "},
        {"id": "d", "platform": "myspace", "field": "email", "input": "a@b.co"},
        status=1,
    )
    assert answers[0]["normalized"] == "48601234567"
    assert (answers[1]["normalized"], answers[1]["hash"]) == ("PL", None)
    assert (answers[2]["verdict"], answers[2]["reason"]) == ("reject", "empty")
    assert "error" in answers[3]
