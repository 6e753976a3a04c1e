"""The rules: who belongs to an audience at a moment, and when that will change if nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from rekindle.audiences._state import VisitorState
from rekindle.workspace import Audience, duration_ms

DEFAULT_AFTER = "30m"


class Why(StrEnum):
    """Reason codes of entries and exits."""

    VIEWED = "viewed"
    CART_ABANDONED = "cart-abandoned"
    BOUGHT = "bought"
    CART_EMPTY = "cart-empty"
    CART_ACTIVE = "cart-active"
    WINDOW_PASSED = "window-passed"
    NO_CONSENT = "no-consent"
    SUPPRESSED = "suppressed"
    RULE_CHANGED = "rule-changed"
    RULE_REMOVED = "rule-removed"
    ERASED = "erased"


class Verdict(NamedTuple):
    """``due_ms`` is the next moment at which time alone can change the verdict; None when it cannot."""

    member: bool
    reason: Why
    due_ms: int | None = None


def judge(rule: Audience, state: VisitorState, now_ms: int) -> Verdict:
    """Return whether the visitor belongs to the audience at ``now_ms``, consent left aside.

    A window of length ``within`` holds what happened at ``t`` from ``t`` up to, and without, ``t + within``.
    """
    return _RULES[rule.rule](rule, state, now_ms)


def longest_ms(rule: Audience) -> int:
    """Return for how long something that happened can matter to the rule."""
    return duration_ms(rule.within)


def _viewed_not_bought(rule: Audience, state: VisitorState, now_ms: int) -> Verdict:
    # Looked at an item within the window and bought nothing within it.
    within = duration_ms(rule.within)
    leaves = state.viewed_ms + within
    if not state.viewed_ms or leaves <= now_ms:
        return Verdict(False, Why.WINDOW_PASSED)
    free = state.bought_ms + within
    if state.bought_ms and free > now_ms:
        return Verdict(False, Why.BOUGHT, free if free < leaves else None)
    return Verdict(True, Why.VIEWED, leaves)


def _cart_abandoned(rule: Audience, state: VisitorState, now_ms: int) -> Verdict:
    # Has something in the cart, put there at least `after` ago and within the window, and no purchase since.
    carted = state.carted_ms()
    if not carted:
        return Verdict(False, Why.BOUGHT if state.bought_ms else Why.CART_EMPTY)
    enters = carted + duration_ms(rule.after or DEFAULT_AFTER)
    leaves = carted + duration_ms(rule.within)
    if leaves <= now_ms:
        return Verdict(False, Why.WINDOW_PASSED)
    if enters > now_ms:
        return Verdict(False, Why.CART_ACTIVE, enters if enters < leaves else None)
    return Verdict(True, Why.CART_ABANDONED, leaves)


def _bought(rule: Audience, state: VisitorState, now_ms: int) -> Verdict:
    leaves = state.bought_ms + duration_ms(rule.within)
    if not state.bought_ms or leaves <= now_ms:
        return Verdict(False, Why.WINDOW_PASSED)
    return Verdict(True, Why.BOUGHT, leaves)


_RULES: dict[str, Callable[[Audience, VisitorState, int], Verdict]] = {
    "viewed_not_bought": _viewed_not_bought,
    "cart_abandoned": _cart_abandoned,
    "bought": _bought,
}
