"""What a decoder says of one input."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Verdict = Literal["valid", "malformed", "unsupported_version", "absent", "signal", "no_signal"]


class Reading(msgspec.Struct, frozen=True):
    """``facts`` come only with ``valid`` (or ``signal``); ``reason`` says in words what is wrong otherwise.

    The reason names a place in the string and never quotes the string: a consent string is pseudonymous data.
    """

    verdict: Verdict
    reason: str | None = None
    facts: dict[str, Any] | None = None


class Refused(Exception):
    """Inside a decoder: this input is not what it should be. Never leaves the package."""

    def __init__(self, reason: str, verdict: Verdict = "malformed") -> None:
        super().__init__(reason)
        self.verdict: Verdict = verdict
        self.reason = reason
