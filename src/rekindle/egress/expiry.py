"""Until when each account can get in: by what a person told of a secret, and by the life of a token that is renewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from rekindle.egress._tables import credentials
from rekindle.egress.configured import configured
from rekindle.egress.options import LaneOptions, token_name
from rekindle.engines.database import Database
from rekindle.workspace import Workspace

DAY_MS = 86_400_000


class Expiry(msgspec.Struct, frozen=True):
    """When a destination's access ends.

    ``told``: a secret of which a person told when it ends (`LaneOptions.secret_expires`); ``warn_ms`` before that
    somebody should know. ``renewed``: a token that renews itself; ``words`` say why that fails at present.
    """

    destination: str
    kind: Literal["told", "renewed"]
    expires_ms: int
    warn_ms: int = 0
    words: str = ""


def expiries(database: Database, workspace: Workspace) -> list[Expiry]:
    """Return what is known of every enabled destination by name, and of every pushed feed (`items.line_name`).

    Settings that cannot be read say nothing here.
    """
    columns = (credentials.c.name, credentials.c.expires_ms, credentials.c.words)
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).where(credentials.c.workspace == workspace.name)).all()
    tokens = {row.name: row for row in rows}
    found: list[Expiry] = []
    for account in configured(workspace):
        name, options = account.name, _options(account.settings)
        if options.secret_expires is not None:
            day = options.secret_expires
            at_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
            found.append(Expiry(name, "told", at_ms, options.warn_days * DAY_MS))
        row = tokens.get(token_name(_names(account.settings)))
        if row is not None:
            found.append(Expiry(name, "renewed", row.expires_ms, words=row.words))
    return found


def _options(settings: Mapping[str, Any]) -> LaneOptions:
    own = {key: value for key, value in settings.items() if key in LaneOptions.__struct_fields__}
    try:
        return msgspec.convert(own, LaneOptions)
    except msgspec.ValidationError:
        return LaneOptions()


def _names(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: str(value["secret"]) for key, value in settings.items() if isinstance(value, dict) and "secret" in value
    }
