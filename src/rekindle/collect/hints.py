"""What a shop's server is told about events that were not kept, or that will not get far."""

from __future__ import annotations

from collections.abc import Sequence

from rekindle.collect.answers import Warned
from rekindle.collect.wire import Problem
from rekindle.model.outcome import Outcome, Reason

_REMEDIES: dict[str, str] = {
    Reason.CONSENT_ABSENT: "send the visitor's consent with the event, as `consent`; without one nothing is kept",
    Reason.CONSENT_DENIED: "nothing to do: the visitor's consent does not grant what the policy asks (policy.toml, store_with)",
    Reason.CONSENT_UNREADABLE: "send the consent string as the consent platform made it; one that cannot be read grants nothing",
    Reason.SUPPRESSED: "nothing to do: this person was erased and stays so; nothing was kept",
}
_NO_AGENT = (
    "send the browser's User-Agent header as client.user_agent: some platforms refuse web events without it, "
    "Meta's Conversions API among them"
)


def filtered(index: int, reason: str, detail: str = "") -> Problem:
    """Return the answer's line for an event that was read and not kept. ``detail`` is the framework's own code."""
    place = "user" if reason == Reason.SUPPRESSED else "consent"
    remedy = _REMEDIES.get(reason, "nothing of it was kept")
    said = f"{remedy} ({detail})" if detail else remedy
    return Problem(index, place, "", said, reason, Outcome.FILTERED.value)


def warnings(agentless: Sequence[int]) -> list[Warned]:
    """Return the answer's warnings: events that were kept, and what would make more of them."""
    if not agentless:
        return []
    return [Warned(list(agentless), "client.user_agent", _NO_AGENT, "no-user-agent")]
