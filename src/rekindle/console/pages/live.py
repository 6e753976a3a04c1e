"""Live events: the newest records of the log, and a stream of those that follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from anyio.to_thread import run_sync
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from rekindle.console.language import Format
from rekindle.console.live import LONGEST_PLACE, RING, Filter, LiveRow, follow, newest, position
from rekindle.console.visit import Visit
from rekindle.console.words import words_of
from rekindle.model.clock import rfc3339
from rekindle.model.event import ECOMMERCE_EVENTS
from rekindle.workspace.access import can

Text = Annotated[str, QueryParameter(max_length=200)]
PlaceText = Annotated[str, QueryParameter(max_length=LONGEST_PLACE)]

_NAMES: Final = sorted(ECOMMERCE_EVENTS)


@get("/w/{workspace:str}/live", opt={"action": "view_events"}, include_in_schema=False)
async def page(visit: NamedDependency[Visit], event: Text = "", q: Text = "") -> Response[str]:
    """Show the newest 200 records; the browser follows from there."""
    wanted = Filter(event, q)
    rows, place = await newest(visit.services.log, visit.name, wanted)
    query = urlencode({"event": event, "q": q, "after": place})
    return await run_sync(
        lambda: visit.page(
            "live.html",
            rows=[cells(visit, row) for row in rows],
            wanted=wanted,
            names=_NAMES,
            stream=f"{visit.home}/live/stream?{query}",
            ring=RING,
        )
    )


@get("/w/{workspace:str}/live/stream", opt={"action": "view_events"}, include_in_schema=False)
async def stream(
    request: Request[Any, Any, Any],
    visit: NamedDependency[Visit],
    event: Text = "",
    q: Text = "",
    after: PlaceText = "",
) -> Stream:
    """Stream rows; a browser that comes back says in ``Last-Event-ID`` where it was."""
    place = position(request.headers.get("last-event-id", "")) or position(after)

    async def welcome() -> bool:
        return await run_sync(_still_welcome, visit)

    rows: AsyncIterator[bytes] = follow(
        visit.services.log,
        visit.name,
        Filter(event, q),
        place,
        show=lambda row: {"cells": cells(visit, row)},
        welcome=welcome,
        sleep=asyncio.sleep,
        closing=request.app.state.closing.is_set,
    )
    return Stream(rows, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@get("/api/w/{workspace:str}/events", opt={"action": "view_events"})
async def data(
    visit: NamedDependency[Visit],
    event: Text = "",
    q: Text = "",
    limit: Annotated[int, QueryParameter(ge=1, le=RING)] = 50,
) -> list[LiveRow]:
    """Return the newest records of the workspace, newest first."""
    rows, _ = await newest(visit.services.log, visit.name, Filter(event, q), limit)
    return list(rows)


def cells(visit: Visit, row: LiveRow) -> list[dict[str, Any]]:
    """Return a row as cells with words in the visitor's language: time, what, items, value, visitor, source."""
    form = Format(visit.language)
    words = words_of(visit.language)
    moment = {"text": form.time(row.at_ms), "moment": rfc3339(row.at_ms)}
    visitor = {"text": row.subject, "mono": True}
    if row.kind == "tally":
        what = {"text": words.refused(row.outcome, row.count), "tone": words.tone(row.outcome)}
        return [moment, what, {"text": ""}, {"text": "", "number": True}, visitor, {"text": words.reason(row.reason)}]
    if row.kind == "consent":
        return [
            moment,
            {"text": words.consent_changed, "tone": "warn"},
            {"text": ""},
            {"text": "", "number": True},
            visitor,
            {"text": ""},
        ]
    value = form.money(Decimal(row.value), row.currency or None) if row.value else ""
    shown = ", ".join(row.items[:3]) + (f" +{len(row.items) - 3}" if len(row.items) > 3 else "")
    return [
        moment,
        {"text": row.event, "href": f"{visit.home}/events/{quote(row.event_id, safe='')}"},
        {"text": shown, "mono": True},
        {"text": value, "number": True},
        visitor,
        {"text": words.source(row.source) + (" · " + words.bot if row.bot else "")},
    ]


def _still_welcome(visit: Visit) -> bool:
    services = visit.services
    session = services.sessions.look(visit.token)
    user = services.users.get(session.user_id) if session else None
    return user is not None and not user.disabled and can(user.roles.get(visit.name, ""), "view_events")


HANDLERS = [page, stream, data]
