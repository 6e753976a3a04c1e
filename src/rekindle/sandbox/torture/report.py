"""The report of a run, for people (HTML, one file) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import msgspec

from rekindle.sandbox.torture.run import Result
from rekindle.sandbox.torture.verdict import Verdict

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ccc;padding:.2rem .8rem;text-align:left}"
    "td:last-child{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#a00}.good{color:#060}"
)


def figures(verdict: Verdict) -> list[tuple[str, int]]:
    """Return the verdict's lines: what, and how many."""
    return [
        ("acknowledged with a 2xx", verdict.acknowledged),
        ("stored in the log", verdict.stored),
        ("further copies in the log, with an equal event_id", verdict.stored_copies),
        ("counted by the statistics", verdict.counted),
        ("received by the platform", verdict.delivered),
        ("received again, with an equal event_id", verdict.delivered_copies),
        ("received under two ids", len(verdict.alien_duplicates)),
        ("lost", len(verdict.lost)),
        ("without an outcome at the end", len(verdict.unsettled)),
        ("delivered without consent", len(verdict.without_consent)),
        ("latest send after an acknowledged withdrawal, ms", verdict.latest_after_withdrawal_ms),
    ]


def as_json(result: Result) -> bytes:
    """Return everything as JSON."""
    whole = {"passed": result.verdict.passed} | msgspec.to_builtins(result)
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def as_html(result: Result) -> str:
    """Return a page that needs nothing else."""
    verdict = result.verdict
    word = '<span class="good">passed</span>' if verdict.passed else '<span class="bad">failed</span>'
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Torture</title><style>{_STYLE}</style>",
        f"<h1>Torture: {word}</h1>",
        f"<p>{len(result.cycles)} kill cycles with seed {result.seed} in {result.seconds:.0f} s; "
        f"drained in {result.drained_s:.1f} s; {result.sent} events sent.</p>",
        _table("Verdict", figures(verdict)),
        _table("Outcomes at the platform's lane", verdict.outcomes.items()),
        _table("Answers the clients got", result.statuses.items()),
        _table("Killed with SIGKILL", result.kills.items()),
        _table("Other troubles", result.troubles.items()),
    ]
    faults: Mapping[str, Iterable[str]] = {
        "Lost": verdict.lost,
        "Received under two ids": verdict.alien_duplicates,
        "Without consent": verdict.without_consent,
        "Without an outcome": verdict.unsettled,
        "Remarks": verdict.remarks,
    }
    for title, lines in faults.items():
        listed = "".join(f"<li><code>{escape(line)}</code>" for line in lines)
        parts.append(f"<h2>{title}</h2><ul>{listed}</ul>" if listed else "")
    rows = "".join(
        f"<tr><td>{number}<td>{', '.join(cycle.kill)}<td>{cycle.trouble}<td>{cycle.victim}<td>{cycle.hold_s:.2f}"
        for number, cycle in enumerate(result.cycles, 1)
    )
    parts.append(f"<h2>Cycles</h2><table><tr><th>#<th>killed<th>trouble<th>victim<th>seconds{rows}</table></html>")
    return "\n".join(part for part in parts if part) + "\n"


def _table(title: str, rows: Iterable[tuple[str, int]]) -> str:
    lines = "".join(f"<tr><td>{escape(name)}<td>{number}" for name, number in rows)
    return f"<h2>{title}</h2><table>{lines}</table>" if lines else ""
