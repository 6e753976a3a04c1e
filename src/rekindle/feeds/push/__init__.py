"""Push: a published version's items to the channel's platform by its API, each change as it is published."""

from rekindle.feeds.push.held import Pushed, pushed_item
from rekindle.feeds.push.planning import Planner, Rehearsal
from rekindle.feeds.push.pusher import FeedPusher, PushRefused, approve, platform_of, retry
from rekindle.feeds.push.status import PushIssue, PushStatus, push_issues, push_status

__all__ = [
    "FeedPusher",
    "Planner",
    "PushIssue",
    "PushRefused",
    "PushStatus",
    "Pushed",
    "Rehearsal",
    "approve",
    "platform_of",
    "push_issues",
    "push_status",
    "pushed_item",
    "retry",
]
