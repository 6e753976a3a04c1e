"""Who may do what: people with passwords and sessions, machines with API keys, and the table of roles."""

from rekindle.workspace.access.keys import ApiKey, ApiKeys, NewApiKey
from rekindle.workspace.access.login import Authenticator, LoginRefused, LoginThrottled, PasswordLogin
from rekindle.workspace.access.roles import ACTIONS, ROLES, SCOPES, Action, Role, can
from rekindle.workspace.access.sessions import NewSession, Session, Sessions
from rekindle.workspace.access.users import NameTaken, User, Users, WeakPassword

__all__ = [
    "ACTIONS",
    "ROLES",
    "SCOPES",
    "Action",
    "ApiKey",
    "ApiKeys",
    "Authenticator",
    "LoginRefused",
    "LoginThrottled",
    "NameTaken",
    "NewApiKey",
    "NewSession",
    "PasswordLogin",
    "Role",
    "Session",
    "Sessions",
    "User",
    "Users",
    "WeakPassword",
    "can",
]
