"""Probes: one JSON document a line in, one line out for each, with the same `id`, in order."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import msgspec

_BOM = b"\xef\xbb\xbf"
_LEADING_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.){0,500}"|-?\d{1,18}(?![\d.eE]))')


class ProbeError(ValueError):
    """This line cannot be used; the message says what to change."""


def run(stage: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run ``stage`` on every line of standard input.

    Whatever is wrong with a line yields ``{"id", "error"}`` and does not stop the run; the exit status is 1 if any
    line failed. Blank lines are passed over, and so is the byte-order mark that some editors put before the first.
    """
    failed = False
    out = sys.stdout.buffer
    for number, line in enumerate(sys.stdin.buffer, 1):
        line = line.removeprefix(_BOM)
        if not line.strip():
            continue
        answer = _answer(stage, number, line)
        failed = failed or "error" in answer
        out.write(msgspec.json.encode(answer) + b"\n")
        out.flush()
    sys.exit(1 if failed else 0)


def _answer(stage: Callable[[dict[str, Any]], dict[str, Any]], number: int, line: bytes) -> dict[str, Any]:
    identity: Any = None
    try:
        identity = _leading_id(line)  # of a line that turns out to be no JSON, so that its error can be told apart
        given = msgspec.json.decode(line)
        if not isinstance(given, dict):
            raise ProbeError(f"line {number} is not a JSON object")
        identity = given.get("id")
        return {"id": identity} | stage(given)
    except (ProbeError, msgspec.ValidationError) as error:
        return {"id": identity, "error": str(error)}
    except msgspec.DecodeError as error:
        return {"id": identity, "error": f"line {number}: {error}"}
    except UnicodeError:
        return {"id": identity, "error": f"line {number} is not UTF-8; save the file as UTF-8"}
    except RecursionError:
        return {"id": identity, "error": f"line {number} is nested too deeply"}
    except Exception as error:  # noqa: BLE001 (the lines after this one are owed answers)
        return {"id": identity, "error": f"line {number} cannot be answered ({type(error).__name__}); please report it"}


def _leading_id(line: bytes) -> Any:
    found = _LEADING_ID.match(line)
    try:
        return None if found is None else msgspec.json.decode(found[1])
    except (msgspec.DecodeError, UnicodeError):
        return None
