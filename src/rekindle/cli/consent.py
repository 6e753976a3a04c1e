"""`rekindle consent decode|decide`: read consent strings, one JSON document a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from rekindle.cli import _probe
from rekindle.model.clock import parse_rfc3339, system_clock
from rekindle.privacy.consent import (
    DECODERS,
    Reading,
    VendorList,
    VendorListError,
    decide_purpose,
    parse_tcf,
    read_vendor_list,
    string_reason,
)
from rekindle.privacy.consent.known_vendors import KNOWN


@click.group()
def command() -> None:
    """Read and decide consent strings, offline.

    Both commands take JSON Lines on standard input and write one line for each, with the same id.
    """


@command.command()
def decode() -> None:
    """Decode a consent string strictly.

    In: {"id", "kind", "input"}; kind is tcf, gpp, usp, ac, gcd, gcs or gpc_header.
    Out: {"id", "verdict", "reason", "facts"}; for gpp "section_ids" and "sections" instead of facts.

    \b
    echo '{"id": 1, "kind": "usp", "input": "1YNN"}' | rekindle consent decode
    """  # noqa: D301 (the backslash is click's mark for lines that stay as they are)
    _probe.run(_decode)


@command.command()
@click.option("--gvl", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A vendor-list.json to use.")
def decide(gvl: Path | None) -> None:
    """Decide for each vendor and purpose whether a TC string lets the vendor act.

    In: {"id", "input", "vendors", "gdpr_applies", "gvl", "now"}; "gvl" is a vendor list or a path to one, "now" an
    RFC 3339 time (default: now). A string is obeyed also where gdpr_applies is false or unknown.
    Out: {"id", "decisions": {vendor: {purpose: "consent" | "li" | "none:<reason>"}}}.

    \b
    echo '{"id": 1, "input": "CP…", "vendors": [755]}' | rekindle consent decide --gvl vendor-list.json
    """  # noqa: D301 (the backslash is click's mark for lines that stay as they are)
    lists = _Lists(gvl)
    _probe.run(lambda given: _decide(given, lists))


def _decode(given: dict[str, Any]) -> dict[str, Any]:
    kind, text = given.get("kind"), given.get("input")
    if not isinstance(kind, str) or kind not in DECODERS:
        raise _probe.ProbeError(f"kind: {kind!r} is none of {', '.join(DECODERS)}")
    if text is not None and not isinstance(text, str):
        raise _probe.ProbeError("input: not text; give the string as it was received, or null")
    reading: Reading = DECODERS[kind](text)
    answer: dict[str, Any] = {"verdict": reading.verdict, "reason": reading.reason}
    if kind == "gpp":
        return answer | (reading.facts or {"section_ids": None, "sections": None})
    return answer | {"facts": reading.facts}


class _Request(msgspec.Struct):
    vendors: list[int]
    input: str | None = None
    gdpr_applies: bool | None = None
    gvl: dict[str, Any] | str | None = None
    now: str | None = None


class _Lists:
    """Vendor lists by path, each read once."""

    def __init__(self, default: Path | None) -> None:
        self._read: dict[Path, VendorList] = {}
        self._default = default

    def choose(self, given: dict[str, Any] | str | None) -> VendorList:
        try:
            if isinstance(given, dict):
                return read_vendor_list(given)
            path = self._default if given is None else Path(given)
            return KNOWN if path is None else self._load(path)
        except (VendorListError, OSError, msgspec.DecodeError) as error:
            raise _probe.ProbeError(f"gvl: {error}") from None

    def _load(self, path: Path) -> VendorList:
        if path not in self._read:
            self._read[path] = read_vendor_list(msgspec.json.decode(path.read_bytes()))
        return self._read[path]


def _decide(given: dict[str, Any], lists: _Lists) -> dict[str, Any]:
    request = msgspec.convert(given, _Request)
    known = lists.choose(request.gvl)
    try:
        now = system_clock() if request.now is None else parse_rfc3339(request.now)
    except ValueError as error:
        raise _probe.ProbeError(f"now: {error}") from None
    parsed = parse_tcf(request.input)
    refused = string_reason(parsed, now)
    decisions: dict[str, dict[str, str]] = {}
    for number in request.vendors:
        answers = decisions.setdefault(str(number), {})
        for purpose in known.purposes:
            if refused is not None or isinstance(parsed, Reading):
                answers[str(purpose)] = f"none:{refused}"
                continue
            basis, reason = decide_purpose(parsed, number, known.vendors.get(number), purpose, now)
            answers[str(purpose)] = f"none:{reason}" if basis is None else basis
    return {"decisions": decisions}
