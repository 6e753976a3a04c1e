"""Who is asking, for which workspace, in which language: made once for each request by the door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.enums import MediaType

from rekindle.console.render import render
from rekindle.console.services import Services
from rekindle.workspace import Workspace
from rekindle.workspace.access import Action, ApiKey, Session, User
from rekindle.workspace.access.sessions import form_token

BIGGEST: Final = 2**53 - 1
"""The biggest number an address may ask for: what every JSON reader and database can hold."""


class Visit(msgspec.Struct, frozen=True):
    """One request's rights. ``workspace`` is there only when the visitor may see it."""

    services: Services
    language: str
    path: str
    user: User | None = None
    session: Session | None = None
    token: str = ""
    key: ApiKey | None = None
    workspace: Workspace | None = None
    actions: frozenset[Action] = frozenset()
    shops: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The workspace's id."""
        return self.shop.name

    @property
    def home(self) -> str:
        """The address below which the workspace's pages are."""
        return f"/w/{self.name}"

    @property
    def shop(self) -> Workspace:
        """The workspace; only handlers below ``/w/`` have one."""
        assert self.workspace is not None
        return self.workspace

    @property
    def actor(self) -> str:
        """The name under which a change goes into the ledger."""
        if self.user is not None:
            return f"user:{self.user.id}"
        return f"key:{self.key.id}" if self.key is not None else "nobody"

    def may(self, action: Action) -> bool:
        """Tell whether the visitor may do something here."""
        return action in self.actions

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response[str]:
        """Render a page in the visitor's language."""
        values = {"visit": self, "form_token": form_token(self.token) if self.token else ""}
        text = render(template, self.language, values | context)
        return Response(text, media_type=MediaType.HTML, status_code=status)
