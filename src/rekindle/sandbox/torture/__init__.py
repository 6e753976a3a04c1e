"""Break a running installation on purpose, again and again, and hold its books against the clients' own."""

from rekindle.sandbox.torture.faults import CLUSTER, ONE_MACHINE, Cast, Cycle, plan
from rekindle.sandbox.torture.report import as_html, as_json
from rekindle.sandbox.torture.run import Bench, Evidence, Result, torture
from rekindle.sandbox.torture.verdict import Verdict, judge

__all__ = [
    "CLUSTER",
    "ONE_MACHINE",
    "Bench",
    "Cast",
    "Cycle",
    "Evidence",
    "Result",
    "Verdict",
    "as_html",
    "as_json",
    "judge",
    "plan",
    "torture",
]
