"""Probes: one JSON document a line in, one line out for each, with the same `id`, in order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec


class ProbeError(ValueError):
    """This line cannot be used; the message says what to change."""


def run(stage: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run ``stage`` on every line of standard input.

    A line that is no JSON object, or for which ``stage`` raises `ProbeError` or `msgspec.ValidationError`, yields
    ``{"id", "error"}`` and does not stop the run; the exit status is 1 if any line failed.
    """
    failed = False
    out = sys.stdout.buffer
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        identity: Any = None
        try:
            given = msgspec.json.decode(line)
            if not isinstance(given, dict):
                raise ProbeError(f"line {number} is not a JSON object")
            identity = given.get("id")
            answer = {"id": identity} | stage(given)
        except (ProbeError, msgspec.DecodeError, msgspec.ValidationError) as error:
            failed = True
            answer = {"id": identity, "error": str(error)}
        out.write(msgspec.json.encode(answer) + b"\n")
        out.flush()
    sys.exit(1 if failed else 0)
