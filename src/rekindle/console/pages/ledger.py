"""The ledger: every decision, send, publication and change, and whether the record is whole."""

from __future__ import annotations

from typing import Annotated, Literal, cast, get_args

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from rekindle.console.visit import Visit
from rekindle.privacy.ledger import Kind, WrittenLine, checkpoint, lines

_PAGE = 100
KINDS: tuple[str, ...] = get_args(Kind)

KindWanted = Annotated[Literal["", "decision", "send", "change", "publication"], QueryParameter()]
Event = Annotated[str, QueryParameter(max_length=200)]
Before = Annotated[int | None, QueryParameter(ge=0)]


class Lines(msgspec.Struct):
    """A page of the ledger, newest first; ask on with ``before`` = ``next`` until that is None."""

    lines: list[WrittenLine]
    next: int | None


def read(visit: Visit, kind: str, event_id: str, before: int | None) -> Lines:
    """Return one page of lines."""
    wanted = cast("Kind", kind) if kind else None
    found = lines(visit.services.database, visit.name, wanted, event_id or None, before, _PAGE + 1)
    more = len(found) > _PAGE
    return Lines(found[:_PAGE], found[_PAGE - 1].position if more else None)


@get("/w/{workspace:str}/ledger", opt={"action": "view_ledger"}, include_in_schema=False, sync_to_thread=True)
def page(
    visit: NamedDependency[Visit], kind: KindWanted = "", event: Event = "", before: Before = None
) -> Response[str]:
    """Show the ledger."""
    return visit.page(
        "ledger.html",
        shown=read(visit, kind, event, before),
        kinds=KINDS,
        kind=kind,
        event=event,
        first=before is None,
        checkpoint=checkpoint(visit.services.database),
    )


@get("/api/w/{workspace:str}/ledger", opt={"action": "view_ledger"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit], kind: KindWanted = "", event: Event = "", before: Before = None) -> Lines:
    """Return lines of the ledger, newest first."""
    return read(visit, kind, event, before)


HANDLERS = [page, data]
