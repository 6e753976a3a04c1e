"""The table of roles: deny by default, one lookup per question.

Only ``owner`` is handed out today; the other rows are the seam for roles and single sign-on, which change this table
and the `Authenticator`, and nothing that asks `can`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Action = Literal[
    "view",  # aggregates, feeds, state of destinations
    "view_events",  # single events and members, by pseudonym
    "view_ledger",
    "manage_keys",
    "manage_users",
    "publish",  # release a held feed, apply a version
    "operate",  # replay dead letters, release a hold
]
ACTIONS: Final[frozenset[Action]] = frozenset(get_args(Action))

Role = Literal["owner", "analyst", "auditor"]

ROLES: Final[Mapping[str, frozenset[Action]]] = {
    "owner": ACTIONS,
    "analyst": frozenset({"view"}),
    "auditor": frozenset({"view", "view_events", "view_ledger"}),
}

SCOPES: Final[Mapping[str, frozenset[Action]]] = {
    "events:write": frozenset(),  # asked for by the gateway alone
    "read": frozenset({"view", "view_events", "view_ledger"}),
}
"""What an API key may do in the console's API, by scope."""


def can(role: str, action: Action) -> bool:
    """Tell whether ``role`` may do ``action``; an unknown role may do nothing."""
    return action in ROLES.get(role, frozenset())
