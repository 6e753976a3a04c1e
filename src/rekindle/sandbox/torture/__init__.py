"""Break a running installation on purpose, again and again, and hold its books against the clients' own."""

from rekindle.sandbox.torture.faults import Cycle, plan
from rekindle.sandbox.torture.report import as_html, as_json
from rekindle.sandbox.torture.run import Bench, Evidence, Result, torture
from rekindle.sandbox.torture.verdict import Verdict, judge

__all__ = ["Bench", "Cycle", "Evidence", "Result", "Verdict", "as_html", "as_json", "judge", "plan", "torture"]
