"""Who belongs to which audience, exact to the event and to the minute: rules, membership, entries and exits."""

from rekindle.audiences._settle import MayEnter, Suppressed
from rekindle.audiences.read import Change, Member, Membership, changes, latest_changes, members, of, sizes
from rekindle.audiences.rules import Why
from rekindle.audiences.view import AudienceView

__all__ = [
    "AudienceView",
    "Change",
    "MayEnter",
    "Member",
    "Membership",
    "Suppressed",
    "Why",
    "changes",
    "latest_changes",
    "members",
    "of",
    "sizes",
]
