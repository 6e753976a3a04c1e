"""Dead letters of one destination: choose, look at what the platform saw and would see now, send again."""

from __future__ import annotations

import difflib
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlencode

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from rekindle.console.visit import Visit
from rekindle.egress.deadletters import Filter, Letter, LetterDesk, find, reasons
from rekindle.egress.rehearsal import Rehearsed

_PAGE = 100
_AT_ONCE = 10_000
_DAY_MS = 86_400_000

Reason = Annotated[str, QueryParameter(max_length=64)]
Wanted = Annotated[Literal["dead", "invalid"], QueryParameter()]
Day = Annotated[str, QueryParameter(max_length=10)]


class Choice(msgspec.Struct, frozen=True):
    """The filter as the form has it; days are ``YYYY-MM-DD`` in UTC, both included."""

    reason: str = ""
    outcome: Literal["dead", "invalid"] = "dead"
    since: str = ""
    until: str = ""

    def filter(self, visit: Visit, name: str) -> Filter:
        """Return it as egress wants it. Raises `ValidationException`."""
        since, until = _day(self.since), _day(self.until)
        return Filter(
            workspace=visit.name,
            destination=name,
            reason=self.reason or None,
            outcome=self.outcome,
            since_ms=since,
            until_ms=None if until is None else until + _DAY_MS,
        )

    @property
    def query(self) -> str:
        """The filter as the query of an address."""
        return urlencode({key: value for key, value in msgspec.structs.asdict(self).items() if value})


class Line(msgspec.Struct, frozen=True):
    """A line of a payload: ``+`` only now, ``-`` only then, else in both."""

    mark: str
    text: str


@get("/w/{workspace:str}/destinations/{name:str}/letters", opt={"action": "view_events"}, include_in_schema=False,
     sync_to_thread=True)  # fmt: skip
def page(
    visit: NamedDependency[Visit], name: FromPath[str], reason: Reason = "", outcome: Wanted = "dead",
    since: Day = "", until: Day = "", again: Annotated[int | None, QueryParameter(ge=0, le=_AT_ONCE)] = None,
) -> Response[str]:  # fmt: skip
    """List the letters that pass the filter, with how many there are for each reason and what to do about it."""
    choice = Choice(reason, outcome, since, until)
    chosen = choice.filter(visit, name)
    _known(visit, name)
    database = visit.services.database
    return visit.page(
        "letters.html",
        name=name,
        choice=choice,
        letters=find(database, chosen, _PAGE),
        # Every reason, not only the chosen one, so that another can be chosen.
        counted={
            key[1]: count for key, count in reasons(database, msgspec.structs.replace(chosen, reason=None)).items()
        },
        most=_AT_ONCE,
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
    given = {key: str(form.get(key, ""))[:255] for key in ("reason", "outcome", "since", "until", "event_id")}
    if given["outcome"] not in ("dead", "invalid"):
        raise ValidationException("outcome must be dead or invalid")
    outcome = cast("Literal['dead', 'invalid']", given["outcome"])
    choice = Choice(given["reason"], outcome, given["since"], given["until"])
    chosen = msgspec.structs.replace(choice.filter(visit, name), event_id=given["event_id"] or None)
    desk = _desk(visit)
    await run_sync(visit.services.record, visit.name, visit.actor, "deadletters.replay", f"{name} {choice.query}")
    done = await desk.replay(chosen, visit.actor, _AT_ONCE)
    query = f"{choice.query}&again={done.again}"
    return Redirect(f"{visit.home}/destinations/{name}/letters?{query}", status_code=303)


def lines(before: Rehearsed | None, after: Rehearsed | None) -> list[Line]:
    """Return both payloads as one text with marks; empty when there is neither."""
    old, new = ([] if each is None or each.body is None else _text(each.body) for each in (before, after))
    return [Line(line[0].strip(), line[2:]) for line in difflib.ndiff(old, new) if not line.startswith("?")]


def _text(body: Any) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(body, enc_hook=str)).decode().splitlines()


def _known(visit: Visit, name: str) -> None:
    if name not in visit.shop.destinations:
        gone = reasons(visit.services.database, Filter(workspace=visit.name, destination=name))
        if not gone:
            raise NotFoundException


def _desk(visit: Visit) -> LetterDesk:
    if visit.services.letters is None:
        raise NotFoundException
    return visit.services.letters


def _day(text: str) -> int | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValidationException(f"{text!r} is not a day; write it as 2026-08-31") from None
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) * 1000


HANDLERS = [page, preview, replay]
