"""Run the tests that a policy brings with it: a consent in, an answer out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rekindle.model.clock import parse_rfc3339
from rekindle.model.event import Consent
from rekindle.privacy.consent.vendors import Vendors
from rekindle.privacy.decide import EXCERPT, door, may_personalise, weigh
from rekindle.workspace import PolicyTest, Workspace

_FIELDS = frozenset(Consent.__struct_fields__)


def run(workspace: Workspace, now_ms: int, vendors: Vendors = EXCERPT) -> Sequence[str]:
    """Return a sentence for each test that fails or cannot be run, of the form ``policy.toml: test …``."""
    failed = []
    for test in workspace.policy.test:
        try:
            answer = _answer(workspace, test, now_ms, vendors)
        except ValueError as error:
            failed.append(f"policy.toml: test {test.name!r}: {error}")
            continue
        if answer != test.expect:
            failed.append(
                f"policy.toml: test {test.name!r}: {test.question}: expected {test.expect}, and it is {answer}"
            )
    return failed


def _answer(workspace: Workspace, test: PolicyTest, now_ms: int, vendors: Vendors) -> str:
    unknown = test.consent.keys() - _FIELDS
    if unknown:
        raise ValueError(
            f"consent: {', '.join(sorted(unknown))}: not a signal; there are: {', '.join(sorted(_FIELDS))}"
        )
    consent = msgspec.convert(test.consent, Consent)
    now = now_ms if test.at is None else parse_rfc3339(test.at)
    if test.question == "store":
        decision = door(consent, workspace.policy, now, vendors)
        return "ok" if decision.keep else decision.detail or decision.reason
    if test.question == "personalise":
        allowed, reason = may_personalise(consent, workspace.policy, now, vendors)
        return "ok" if allowed else reason
    destination = workspace.destinations.get(test.question)
    if destination is None:
        known = ", ".join(["store", "personalise", *sorted(workspace.destinations)])
        raise ValueError(f"question: {test.question!r} is none of {known}")
    choice = weigh(consent, destination.consent, workspace.policy, now, vendors)
    return "ok" if choice.allowed else choice.reason
