"""The ledger: every decision, send, publication and change, and whether the record is whole."""

from __future__ import annotations

import threading
from typing import Annotated, Literal, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import QueryParameter

from rekindle.console.visit import BIGGEST, Visit
from rekindle.privacy.audit import LedgerDamaged, verify_ledger
from rekindle.privacy.checkpoint import CheckpointInvalid
from rekindle.privacy.ledger import Kind, WrittenLine, checkpoint, lines

_PAGE = 100
KINDS: tuple[str, ...] = get_args(Kind)

KindWanted = Annotated[Literal["", "decision", "send", "change", "publication"], QueryParameter()]
Event = Annotated[str, QueryParameter(max_length=200)]
Before = Annotated[int | None, QueryParameter(ge=0, le=BIGGEST)]


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


class Verification(msgspec.Struct):
    """Whether the record is whole: every line, its place and hash, and the signature over all. ``problem`` if not."""

    whole: bool
    lines: int
    root: str
    problem: str


_turn = threading.Lock()


def verification(visit: Visit) -> Verification:
    """Read the whole ledger and check it; one at a time, because it is long. Raises `NotFoundException` without a key."""
    key = visit.services.ledger_key
    if key is None:
        raise NotFoundException
    with _turn:
        try:
            found = verify_ledger(visit.services.database, key)
        except (LedgerDamaged, CheckpointInvalid) as damage:
            return Verification(False, 0, "", str(damage))
    return Verification(True, found.size, found.root, "")


@get("/w/{workspace:str}/ledger", opt={"action": "view_ledger"}, include_in_schema=False, sync_to_thread=True)
def page(
    visit: NamedDependency[Visit], kind: KindWanted = "", event: Event = "", before: Before = None
) -> Response[str]:
    """Show the ledger."""
    return _show(visit, kind, event, before)


@post("/w/{workspace:str}/ledger/verify", opt={"action": "view_ledger"}, include_in_schema=False, sync_to_thread=True)
def verify(visit: NamedDependency[Visit]) -> Response[str]:
    """Check the whole record now, and show what was found."""
    return _show(visit, verified=verification(visit))


@get("/api/w/{workspace:str}/ledger/verification", opt={"action": "view_ledger"}, sync_to_thread=True)
def data_verification(visit: NamedDependency[Visit]) -> Verification:
    """Check the whole record now. Reads all of it."""
    return verification(visit)


def _show(
    visit: Visit, kind: str = "", event: str = "", before: int | None = None, verified: Verification | None = None
) -> Response[str]:
    return visit.page(
        "ledger.html",
        shown=read(visit, kind, event, before),
        kinds=KINDS,
        kind=kind,
        event=event,
        first=before is None,
        verified=verified,
        can_verify=visit.services.ledger_key is not None,
        checkpoint=checkpoint(visit.services.database),
    )


@get("/api/w/{workspace:str}/ledger", opt={"action": "view_ledger"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit], kind: KindWanted = "", event: Event = "", before: Before = None) -> Lines:
    """Return lines of the ledger, newest first."""
    return read(visit, kind, event, before)


HANDLERS = [page, data, verify, data_verification]
