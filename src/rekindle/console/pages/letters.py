"""Dead letters of one destination: choose, look at what the platform saw and would see now, send again."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from rekindle.console.pages._choosing import AT_ONCE, PAGE, Again, Choice, Day, Reason, Wanted, sent
from rekindle.console.visit import Visit
from rekindle.egress.deadletters import Filter, Letter, LetterDesk, find, reasons
from rekindle.egress.rehearsal import Rehearsed


class Line(msgspec.Struct, frozen=True):
    """A line of a payload: ``+`` only now, ``-`` only then, else in both."""

    mark: str
    text: str


@get("/w/{workspace:str}/destinations/{name:str}/letters", opt={"action": "view_events"}, include_in_schema=False,
     sync_to_thread=True)  # fmt: skip
def page(
    visit: NamedDependency[Visit], name: FromPath[str], reason: Reason = "", outcome: Wanted = "dead",
    since: Day = "", until: Day = "", again: Again = None,
) -> Response[str]:  # fmt: skip
    """List the letters that pass the filter, with how many there are for each reason and what to do about it."""
    choice = Choice(reason, outcome, since, until)
    chosen = _filter(visit, name, choice)
    _known(visit, name)
    database = visit.services.database
    return visit.page(
        "letters.html",
        name=name,
        choice=choice,
        letters=find(database, chosen, PAGE),
        # Every reason, not only the chosen one, so that another can be chosen.
        counted={
            key[1]: count for key, count in reasons(database, msgspec.structs.replace(chosen, reason=None)).items()
        },
        most=AT_ONCE,
        again=again,
    )


@get("/w/{workspace:str}/destinations/{name:str}/letters/{event_id:path}", opt={"action": "operate"},
     include_in_schema=False)  # fmt: skip
async def preview(
    visit: NamedDependency[Visit], name: FromPath[str], event_id: FromPath[str], outcome: Wanted = "dead"
) -> Response[str]:
    """Show one letter: the payload as the platform saw it and as it would see it now, masked."""
    wanted = event_id.removeprefix("/")
    chosen = Filter(workspace=visit.name, destination=name, event_id=wanted, outcome=outcome)
    found = await _desk(visit).show(chosen, 1)
    if not found:
        raise NotFoundException
    return await run_sync(_preview, visit, found[0], outcome)


def _preview(visit: Visit, letter: Letter, outcome: str) -> Response[str]:
    return visit.page("letter.html", letter=letter, outcome=outcome, lines=lines(letter.before, letter.after))


@post("/w/{workspace:str}/destinations/{name:str}/replay", opt={"action": "operate"}, include_in_schema=False)
async def replay(request: Request[Any, Any, Any], visit: NamedDependency[Visit], name: FromPath[str]) -> Redirect:
    """Send the letters that pass the filter, or one of them, again; the ledger has who asked."""
    form = await request.form()
    choice, event_id = sent(form), str(form.get("event_id", ""))[:255]
    chosen = msgspec.structs.replace(_filter(visit, name, choice), event_id=event_id or None)
    desk = _desk(visit)
    await run_sync(visit.services.record, visit.name, visit.actor, "deadletters.replay", f"{name} {choice.query}")
    done = await desk.replay(chosen, visit.actor, AT_ONCE)
    query = f"{choice.query}&again={done.again}"
    return Redirect(f"{visit.home}/destinations/{name}/letters?{query}", status_code=303)


def lines(before: Rehearsed | None, after: Rehearsed | None) -> list[Line]:
    """Return both payloads as one text with marks; empty when there is neither."""
    old, new = ([] if each is None or each.body is None else _text(each.body) for each in (before, after))
    return [Line(line[0].strip(), line[2:]) for line in difflib.ndiff(old, new) if not line.startswith("?")]


def _text(body: Any) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(body, enc_hook=str)).decode().splitlines()


def _filter(visit: Visit, name: str, choice: Choice) -> Filter:
    return Filter(workspace=visit.name, destination=name, **choice.chosen())


def _known(visit: Visit, name: str) -> None:
    if name not in visit.shop.destinations:
        gone = reasons(visit.services.database, Filter(workspace=visit.name, destination=name))
        if not gone:
            raise NotFoundException


def _desk(visit: Visit) -> LetterDesk:
    if visit.services.letters is None:
        raise NotFoundException
    return visit.services.letters


HANDLERS = [page, preview, replay]
