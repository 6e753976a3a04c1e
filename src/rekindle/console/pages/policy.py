"""The policy: what waits for a second person, what it would change, and the vendor list that strings are read by."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from anyio.to_thread import run_sync
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath, QueryParameter
from litestar.response import Redirect

from rekindle.console.visit import Visit
from rekindle.privacy.decide import EXCERPT
from rekindle.privacy.policy_diff import Changed, PolicyDiff, compare
from rekindle.privacy.vendor_lists import Age
from rekindle.workspace import ApprovalRefused, Change, Review, Version, VersionMissing, changes

_DAYS = 7
_DAY_MS = 86_400_000
_MOST = 100_000
"""Events that are asked about on the page; `rekindle policy diff` asks about all."""

Ask = Annotated[Literal["", "effect"], QueryParameter()]


class Waiting(msgspec.Struct):
    """A version that waits for a second person; ``own`` when the visitor proposed it."""

    version: Version
    changes: list[Change]
    own: bool


class Effect(msgspec.Struct):
    """What the answers to the last days' events would be: how many events were asked about, and what would change."""

    events: int
    days: int
    changed: list[Changed]


class PolicyState(msgspec.Struct):
    """What waits, what became of earlier proposals, and how old the vendor list is."""

    waiting: Waiting | None
    reviews: list[Review]
    vendors: Age | None


class Answer(msgspec.Struct):
    """What the form says."""

    form_token: str
    reason: str = ""


def read(visit: Visit) -> PolicyState:
    """Return the workspace's state."""
    services = visit.services
    age = services.vendors.age() if services.vendors is not None else None
    if services.versions is None:
        return PolicyState(None, [], age)
    pending = services.versions.pending(visit.name)
    waiting = None
    if pending is not None:
        difference = changes(visit.shop, services.versions.read(visit.name, pending.version))
        waiting = Waiting(pending, difference, _name(visit).casefold() == pending.author.casefold())
    return PolicyState(waiting, list(services.versions.reviews(visit.name)), age)


async def effect(visit: Visit) -> Effect | None:
    """Ask both policies about the last days' events; None when nothing waits."""
    services = visit.services
    if services.versions is None:
        return None
    pending = await run_sync(services.versions.pending, visit.name)
    if pending is None:
        return None
    proposed = await run_sync(services.versions.read, visit.name, pending.version)
    asked = PolicyDiff(visit.shop, proposed, services.vendors or EXCERPT)
    found = await compare(services.log, asked, services.clock() - _DAYS * _DAY_MS, _MOST)
    return Effect(found.events, _DAYS, found.changed())


@get("/w/{workspace:str}/policy", opt={"action": "view"}, include_in_schema=False)
async def page(visit: NamedDependency[Visit], ask: Ask = "") -> Response[str]:
    """Show what waits; with ``ask=effect`` also what it would change."""
    found = await effect(visit) if ask else None
    return await run_sync(_show, visit, found, "")


@post("/w/{workspace:str}/policy/{version:int}/approve", opt={"action": "publish"}, include_in_schema=False,
      sync_to_thread=True)  # fmt: skip
def approve(
    visit: NamedDependency[Visit],
    version: FromPath[int],
    data: Annotated[Answer, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str] | Redirect:
    """Make the waiting version live."""
    return _answer(visit, version, data.reason, approves=True)


@post("/w/{workspace:str}/policy/{version:int}/reject", opt={"action": "publish"}, include_in_schema=False,
      sync_to_thread=True)  # fmt: skip
def reject(
    visit: NamedDependency[Visit],
    version: FromPath[int],
    data: Annotated[Answer, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str] | Redirect:
    """End the proposal; what is live stays."""
    return _answer(visit, version, data.reason, approves=False)


@get("/api/w/{workspace:str}/policy", opt={"action": "view"}, sync_to_thread=True)
def data_state(visit: NamedDependency[Visit]) -> PolicyState:
    """Return what waits for a second person, earlier answers, and the vendor list's age."""
    return read(visit)


def _answer(visit: Visit, version: int, reason: str, *, approves: bool) -> Response[str] | Redirect:
    versions = visit.services.versions
    if versions is None or visit.user is None:
        raise NotFoundException
    words = reason.strip()[:400]
    if not approves and not words:
        return _show(visit, None, "reason")
    try:
        if approves:
            versions.approve(visit.name, version, visit.user.name, words)
        else:
            versions.reject(visit.name, version, visit.user.name, words)
    except VersionMissing:
        raise NotFoundException from None
    except ApprovalRefused as refused:
        return _show(visit, None, str(refused))
    return Redirect(f"{visit.home}/policy", status_code=303)


def _show(visit: Visit, found: Effect | None, problem: str) -> Response[str]:
    status = 409 if problem else 200
    return visit.page("policy.html", status=status, state=read(visit), effect=found, problem=problem)


def _name(visit: Visit) -> str:
    return visit.user.name if visit.user is not None else ""


HANDLERS = [page, approve, reject, data_state]
