"""An encoder of our own for TC and GPP strings: what the decoders read is written here from the specification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def text(bits: str) -> str:
    """Fill up with zeros to whole characters of six bits."""
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def number(value: int, width: int) -> str:
    return f"{value:0{width}b}"


def flags(ids: Iterable[int], width: int) -> str:
    present = set(ids)
    return "".join("1" if place in present else "0" for place in range(1, width + 1))


def letters(two: str) -> str:
    return "".join(number(ord(letter) - 65, 6) for letter in two)


def ranges(ids: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for one in sorted(ids):
        if runs and runs[-1][1] == one - 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    out = number(len(runs), 12)
    for first, last in runs:
        out += "0" + number(first, 16) if first == last else "1" + number(first, 16) + number(last, 16)
    return out


def vendors(ids: Sequence[int], *, as_ranges: bool) -> str:
    highest = max(ids, default=0)
    return number(highest, 16) + ("1" + ranges(ids) if as_ranges else "0" + flags(ids, highest))


CORE: dict[str, Any] = {
    "version": 2,
    "created": 17_800_000_000,
    "updated": 17_800_000_000,
    "cmp_id": 31,
    "cmp_version": 7,
    "screen": 1,
    "language": "PL",
    "list_version": 45,
    "policy": 5,
    "specific": 1,
    "texts": 0,
    "features": [],
    "purposes": [1, 3, 4],
    "purposes_li": [],
    "one_treatment": 0,
    "country": "PL",
    "vendors": [755],
    "vendors_li": [],
    "restrictions": [],
    "disclosed": [755],
    "publisher": None,
    "as_ranges": False,
}


def core_bits(values: dict[str, Any]) -> str:
    out = number(values["version"], 6) + number(values["created"], 36) + number(values["updated"], 36)
    out += number(values["cmp_id"], 12) + number(values["cmp_version"], 12) + number(values["screen"], 6)
    out += letters(values["language"]) + number(values["list_version"], 12) + number(values["policy"], 6)
    out += number(values["specific"], 1) + number(values["texts"], 1) + flags(values["features"], 12)
    out += flags(values["purposes"], 24) + flags(values["purposes_li"], 24) + number(values["one_treatment"], 1)
    out += letters(values["country"])
    out += vendors(values["vendors"], as_ranges=values["as_ranges"])
    out += vendors(values["vendors_li"], as_ranges=values["as_ranges"])
    out += number(len(values["restrictions"]), 12)
    for purpose, kind, ids in values["restrictions"]:
        out += number(purpose, 6) + number(kind, 2) + ranges(ids)
    return out


def tcf(**changes: Any) -> str:
    """Return a TC string: `CORE` with changes. ``disclosed=None`` leaves the segment out."""
    values = CORE | changes
    segments = [text(core_bits(values))]
    if values["disclosed"] is not None:
        segments.append(text("001" + vendors(values["disclosed"], as_ranges=values["as_ranges"])))
    if values["publisher"] is not None:
        consent, interest, custom, custom_consent = values["publisher"]
        bits = "011" + flags(consent, 24) + flags(interest, 24) + number(custom, 6)
        segments.append(text(bits + flags(custom_consent, custom) + flags([], custom)))
    return ".".join(segments)


def fibonacci(value: int) -> str:
    steps = [1, 2]
    while steps[-1] + steps[-2] <= value:
        steps.append(steps[-1] + steps[-2])
    out = ""
    for step in reversed([one for one in steps if one <= value]):
        out = ("1" if step <= value else "0") + out
        value -= step if step <= value else 0
    return out + "1"


def gpp_header(ids: Sequence[int], *, kind: int = 3, version: int = 1) -> str:
    runs: list[list[int]] = []
    for one in ids:
        if runs and runs[-1][1] == one - 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    out, last = number(kind, 6) + number(version, 6) + number(len(runs), 12), 0
    for first, end in runs:
        out += ("0" if first == end else "1") + fibonacci(first - last)
        out += "" if first == end else fibonacci(end - first)
        last = end
    return text(out)


def us_core(version: int, values: Sequence[int]) -> str:
    return text(number(version, 6) + "".join(number(value, 2) for value in values))
