"""People whom an audience's platform refused: choose, see what would happen now, have them told again. Nobody is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from rekindle.console.pages._choosing import AT_ONCE, PAGE, Again, Choice, Day, Reason, Wanted, sent
from rekindle.console.visit import Visit
from rekindle.egress.deadmembers import DeadMember, MemberDesk, MemberFilter, Prospect, find, reasons

_TRIED = 20

Member = Annotated[str, QueryParameter(max_length=32)]


class ReasonCount(msgspec.Struct, frozen=True):
    """How many people were refused for one reason."""

    reason: str
    count: int


class DeadMembers(msgspec.Struct, frozen=True):
    """The newest refused people of a destination, by the beginnings of their pseudonyms, and how many there are."""

    members: list[DeadMember]
    counted: list[ReasonCount]


@get("/w/{workspace:str}/destinations/{name:str}/members", opt={"action": "view_events"}, include_in_schema=False,
     sync_to_thread=True)  # fmt: skip
def page(
    visit: NamedDependency[Visit], name: FromPath[str], reason: Reason = "", outcome: Wanted = "dead",
    since: Day = "", until: Day = "", member: Member = "", again: Again = None,
) -> Response[str]:  # fmt: skip
    """List the people who pass the filter, with how many there are for each reason and what to do about it."""
    return _page(visit, name, Choice(reason, outcome, since, until), member, again=again)


@get("/w/{workspace:str}/destinations/{name:str}/members/preview", opt={"action": "operate"}, include_in_schema=False)
async def preview(
    visit: NamedDependency[Visit], name: FromPath[str], reason: Reason = "", outcome: Wanted = "dead",
    since: Day = "", until: Day = "", member: Member = "",
) -> Response[str]:  # fmt: skip
    """Show what would happen to the newest of them if the platform were told again now; nothing is sent."""
    choice = Choice(reason, outcome, since, until)
    would = await _desk(visit).show(_filter(visit, name, choice, member), _TRIED)
    return await run_sync(lambda: _page(visit, name, choice, member, would=would))


@post("/w/{workspace:str}/destinations/{name:str}/members/replay", opt={"action": "operate"}, include_in_schema=False)
async def replay(request: Request[Any, Any, Any], visit: NamedDependency[Visit], name: FromPath[str]) -> Redirect:
    """Have the platform told again of those who pass the filter; the ledger has who asked."""
    form = await request.form()
    choice, member = sent(form), str(form.get("member", ""))[:32]
    chosen, desk = _filter(visit, name, choice, member), _desk(visit)
    await run_sync(visit.services.record, visit.name, visit.actor, "deadmembers.replay", f"{name} {choice.query}")
    done = await desk.replay(chosen, visit.actor, AT_ONCE)
    return Redirect(f"{visit.home}/destinations/{name}/members?{choice.query}&again={done}", status_code=303)


@get("/api/w/{workspace:str}/destinations/{name:str}/dead-members", opt={"action": "view_events"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit], name: FromPath[str]) -> DeadMembers:
    """Return up to 100 people whom an audience's platform refused for good, newest first."""
    chosen = MemberFilter(workspace=visit.name, destination=name)
    found = reasons(visit.services.database, chosen)
    return DeadMembers(
        find(visit.services.database, chosen, PAGE), [ReasonCount(key[1], count) for key, count in found.items()]
    )


def _page(
    visit: Visit, name: str, choice: Choice, member: str, *, again: int | None = None,
    would: Sequence[Prospect] | None = None,
) -> Response[str]:  # fmt: skip
    chosen, database = _filter(visit, name, choice, member), visit.services.database
    document = visit.shop.destinations.get(name)
    counted = reasons(database, msgspec.structs.replace(chosen, reason=None))
    everybody = counted or reasons(database, MemberFilter(workspace=visit.name, destination=name))
    if not everybody and (document is None or document.audience is None):
        raise NotFoundException
    return visit.page(
        "members.html",
        name=name,
        choice=choice,
        member=member,
        members=find(database, chosen, PAGE),
        # Every reason, not only the chosen one, so that another can be chosen.
        counted={key[1]: count for key, count in counted.items()},
        most=AT_ONCE,
        again=again,
        would=would,
    )


def _filter(visit: Visit, name: str, choice: Choice, member: str) -> MemberFilter:
    return MemberFilter(workspace=visit.name, destination=name, member=member or None, **choice.chosen())


def _desk(visit: Visit) -> MemberDesk:
    if visit.services.members is None:
        raise NotFoundException
    return visit.services.members


HANDLERS = [page, preview, replay, data]
