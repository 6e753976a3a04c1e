"""Shoppers who come when they like, whether or not the platform keeps up (an open loop)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

import msgspec

from rekindle.model.clock import Clock, rfc3339
from rekindle.sandbox.shoppers.ledger import Ledger
from rekindle.sandbox.shoppers.peaks import Peaks
from rekindle.sandbox.shoppers.people import DEMO, Goods, Habits, Shelf, Shopper, shopper
from rekindle.sandbox.shoppers.visits import ACCEPTED, DUPLICATE, Step, event, visit
from rekindle.sandbox.shoppers.wire import Call, Reply, Transport, cookie_header, keep_cookies

_ATTEMPTS = 4
_COOKIE = "rk_id"
_WITH_ADS = frozenset({"page_view", "view_item"})


class Traffic:
    """Sends visits through ``transport`` and keeps the `Ledger`.

    ``origin`` is one of the shop's origins; ``api_key`` lets its server report purchases of known customers, and
    without it the page does; ``placements`` are looked at now and then. ``seed`` fixes every decision and every
    event id, so two runs against one installation need two seeds. ``sleep`` takes seconds.
    """

    def __init__(
        self,
        transport: Transport,
        goods: Sequence[Goods],
        *,
        origin: str,
        currency: str,
        clock: Clock,
        seed: str,
        habits: Habits = DEMO,
        api_key: str | None = None,
        placements: Sequence[str] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.ledger = Ledger()
        self._transport = transport
        self._shelf = Shelf(goods, habits.zipf)
        self._origin = origin
        self._currency = currency
        self._clock = clock
        self._seed = seed
        self._habits = habits
        self._api_key = api_key
        self._placements = placements
        self._sleep = sleep

    async def run(self, seconds: float, per_second: float | Peaks, most: int | None = None) -> None:
        """Let shoppers arrive at random for ``seconds``, ``most`` at most; return when the last has left."""
        peaks = per_second if isinstance(per_second, Peaks) else Peaks(per_second)
        arrivals = self._chance("arrivals")
        began_ms = self._clock()
        number = 0
        async with asyncio.TaskGroup() as shop:
            while most is None or number < most:
                # Arrivals at the highest rate, of which those are left out that the moment's rate has no room for.
                await self._sleep(arrivals.expovariate(peaks.highest))
                now_s = (self._clock() - began_ms) / 1000
                if now_s >= seconds:
                    return
                here = peaks.at(now_s)
                if here < peaks.highest and arrivals.random() * peaks.highest >= here:
                    continue
                shop.create_task(self.visit(number))
                number += 1

    async def visit(self, number: int) -> None:
        """Make one visit from the first page to the last."""
        chance = self._chance(str(number))
        who = shopper(number, self._habits, chance)
        self.ledger.visits += 1
        for step in visit(who, self._habits, self._shelf, chance, self._clock()):
            await self._sleep(step.pause_s)
            await self._report(step, who, chance)
            if self._placements and not who.bot and not who.blocks and step.name in _WITH_ADS:
                await self._look_at_ad(chance.choice(list(self._placements)), who)

    async def _report(self, step: Step, who: Shopper, chance: Random) -> None:
        by_server = step.by_server and self._api_key is not None
        if who.blocks and not by_server:
            self.ledger.blocked += 1
            return
        now_ms = self._clock() + (0 if by_server else who.clock_off_ms)
        told = event(step, who, chance, now_ms, self._origin, self._currency)
        if step.shift_ms or by_server:
            # A page without `sent_at` leaves nothing to repair its clock by.
            told["event_time"] = rfc3339(self._clock() + step.shift_ms)
        if by_server:
            visitor = who.cookies.get(_COOKIE)
            told["client"] = {"user_agent": who.user_agent} | ({"client_id": visitor} if visitor else {})
            body: object = [told]
        else:
            body = told if step.shift_ms else {"sent_at": rfc3339(now_ms), "events": [told]}
        call = self._call(msgspec.json.encode(body), by_server=by_server, who=who)
        await self._send(call, who, step)
        if step.repeat:
            again = msgspec.structs.replace(step, expected=_again(step), repeat=False)
            await self._send(self._call(call.body, by_server=by_server, who=who), who, again)

    def _call(self, body: bytes, *, by_server: bool, who: Shopper) -> Call:
        if by_server:
            headers = {"authorization": f"Bearer {self._api_key}", "content-type": "application/json"}
            return Call("POST", "/v1/events", headers | {"user-agent": "shop-backend/1"}, body)
        headers = {"origin": self._origin, "user-agent": who.user_agent, "content-type": "text/plain"}
        return Call("POST", "/e", headers | cookie_header(who.cookies), body)

    async def _send(self, call: Call, who: Shopper, step: Step) -> None:
        lost = False
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._sleep(0.25 * 2**attempt)
            try:
                reply = await self._transport(call)
            except OSError:
                self.ledger.statuses[0] += 1
                self.ledger.uncertain += 1
                lost = True
                continue
            self.ledger.statuses[reply.status] += 1
            if _taken(reply, step):
                if call.path == "/e":
                    keep_cookies(who.cookies, reply)
                self.ledger.acknowledged[step.expected] += 1
                return
            if reply.status < 500:
                break
            # The log may hold what it could not confirm.
            self.ledger.uncertain += 1
            lost = True
        if lost:
            self.ledger.unanswered[step.expected] += 1

    async def _look_at_ad(self, placement: str, who: Shopper) -> None:
        headers = {"user-agent": who.user_agent, "accept": "text/html"} | cookie_header(who.cookies)
        try:
            reply = await self._transport(Call("GET", f"/ad/{placement}", headers))
        except OSError:
            self.ledger.ads[0] += 1
            return
        self.ledger.ads[reply.status] += 1

    def _chance(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")  # noqa: S311 - repeatable on purpose, and nothing is secret here


def _taken(reply: Reply, step: Step) -> bool:
    """Tell whether the platform has decided about the event: stored, or refused and counted."""
    return 200 <= reply.status < 300 or (reply.status == 400 and step.expected[0] == "invalid")


def _again(step: Step) -> tuple[str, str]:
    # Only what is kept can be recognised; what is refused is refused and counted again.
    return DUPLICATE if step.expected == ACCEPTED or step.expected[1] == "bot" else step.expected
