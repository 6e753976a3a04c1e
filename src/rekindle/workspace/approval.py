"""Which changes take two people: those of the policy, and of what a destination's consent means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rekindle.workspace.diff import Change, changes
from rekindle.workspace.documents import Workspace

_POLICY = re.compile(r"policy(\..*)?|destinations\.[^.]+\.(consent(\..*)?|kind)")


class ApprovalRefused(Exception):
    """Nobody may approve this, or not this person, or not now; the message says what to do instead."""


def policy_changes(found: Sequence[Change]) -> list[Change]:
    """Return those of the changes that are of the policy."""
    return [change for change in found if _POLICY.fullmatch(change.path)]


def takes_two(before: Workspace | None, after: Workspace, approvers: int) -> bool:
    """Tell whether a second person must approve; ``approvers`` is how many people there are who could."""
    if before is None or before.policy.approval.people < 2 or approvers < 2:
        return False
    return bool(policy_changes(changes(before, after)))
