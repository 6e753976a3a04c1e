"""What the console stands on, handed in by whoever composes the installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rekindle.egress.deadletters import LetterDesk
from rekindle.egress.deadmembers import MemberDesk
from rekindle.engines.database import Database
from rekindle.engines.log.protocol import Log
from rekindle.feeds.category_desk import CategoryDesk
from rekindle.feeds.quality import QualityDesk
from rekindle.model.clock import Clock
from rekindle.privacy.vendor_lists import VendorLists
from rekindle.workspace import Versions, Workspace
from rekindle.workspace.access import ApiKeys, Authenticator, Sessions, Users

Shops = Callable[[], Mapping[str, Workspace]]
"""Returns every workspace's live version by name (`Versions.live`)."""

Record = Callable[[str, str, str, str], None]
"""Writes (workspace, actor, action, detail) to the ledger; raises when it cannot, and then nothing is done."""


class Services(msgspec.Struct, frozen=True):
    """``secure`` says that browsers reach the console by https; ``trusted_proxies`` may name the client's address.

    Without ``letters`` dead letters can be listed and neither previewed nor sent again, nor refused people without ``members``, without ``versions`` nothing
    waits for approval, without ``vendors`` the vendor list's age is not told, without ``quality`` reports of feeds are
    shown and not exported, without ``categories`` there is no page that maps them.
    """

    database: Database
    log: Log
    clock: Clock
    shops: Shops
    record: Record
    users: Users
    sessions: Sessions
    keys: ApiKeys
    login: Authenticator
    secure: bool = False
    trusted_proxies: tuple[str, ...] = ()
    ledger_key: Ed25519PublicKey | None = None
    letters: LetterDesk | None = None
    members: MemberDesk | None = None
    versions: Versions | None = None
    quality: QualityDesk | None = None
    categories: CategoryDesk | None = None
    vendors: VendorLists | None = None

    @property
    def session_cookie(self) -> str:
        """The cookie's name; ``__Host-`` makes the browser insist on https, this host and the root path."""
        return "__Host-rekindle" if self.secure else "rekindle"
