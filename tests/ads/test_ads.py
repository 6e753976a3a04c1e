"""Ads on the shop's pages: the right products, drawn safely, personal only with consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.ads import AdServer, Served, ServedCounter, draw, routes, served
from rekindle.ads.pick import Picker, web_origin
from rekindle.engines.database import Database
from rekindle.model.event import Consent
from rekindle.model.ports import Touch
from rekindle.model.product import Offer
from rekindle.model.web import Request, Response
from rekindle.workspace import Campaign, Shop, Workspace
from tests.conftest import FakeClock
from tests.visits import DENIED, GRANTED, NOT_PERSONAL

DAY = 86_400_000


def offer(item_id: str, **changes: object) -> Offer:
    plain = Offer(
        id=item_id,
        title=f"The {item_id}",
        link=f"https://shop.test/p/{item_id}",
        image_link=f"https://img.test/{item_id}.jpg",
        price=Decimal("1234.50"),
        currency="PLN",
        in_stock=True,
    )
    return msgspec.structs.replace(plain, **changes)


class Views:
    """The three ports, from plain values."""

    def __init__(self) -> None:
        self.visitor: list[Touch] = []
        self.goes_with: list[str] = []
        self.liked: list[str] = []
        self.catalogue: dict[str, Offer] = {name: offer(name) for name in ("hat", "shoe", "sock", "tent", "mat")}
        self.seeds: Sequence[str] = ()
        self.broken = False

    def touches(self, workspace: str, subject: str, limit: int) -> Sequence[Touch]:
        if self.broken:
            raise OSError("disk")
        assert (workspace, subject) == ("shop", "s1_anna")
        return self.visitor[:limit]

    def related(self, workspace: str, item_ids: Sequence[str], limit: int) -> Sequence[str]:
        self.seeds = item_ids
        return self.goes_with[:limit]

    def popular(self, workspace: str, limit: int) -> Sequence[str]:
        return self.liked[:limit]

    def offers(self, workspace: str, item_ids: Iterable[str]) -> Mapping[str, Offer]:
        return {item_id: self.catalogue[item_id] for item_id in item_ids if item_id in self.catalogue}


@pytest.fixture
def views() -> Views:
    return Views()


def picked(views: Views, now_ms: int = 100 * DAY, **campaign: object) -> list[tuple[str, str]]:
    wanted = msgspec.convert({"placement": "home"} | campaign, Campaign)
    return [(pick.offer.id, pick.why) for pick in Picker(views, views).pick("shop", wanted, views.visitor, now_ms)]


def test_the_cart_comes_first_then_what_was_viewed_then_the_fill(views: Views) -> None:
    views.visitor = [Touch("shoe", "view", 30), Touch("hat", "view", 20), Touch("hat", "cart", 10)]
    views.goes_with, views.liked = ["sock", "shoe"], ["tent", "hat"]
    assert picked(views) == [("hat", "cart"), ("shoe", "viewed"), ("sock", "related"), ("tent", "popular")]
    assert list(views.seeds) == ["hat", "shoe"]
    assert picked(views, fill=["popular"]) == [("hat", "cart"), ("shoe", "viewed"), ("tent", "popular")]
    assert picked(views, slots=1) == [("hat", "cart")]


def test_what_was_bought_lately_is_not_shown_from_anywhere(views: Views) -> None:
    now = 100 * DAY
    views.visitor = [Touch("hat", "purchase", now - DAY), Touch("hat", "view", now - DAY), Touch("mat", "view", 1)]
    views.goes_with = views.liked = ["hat", "sock"]
    assert picked(views, now) == [("mat", "viewed"), ("sock", "related")]
    assert ("hat", "viewed") in picked(views, now + 30 * DAY), "after the window it may come back"


@pytest.mark.parametrize(
    "change",
    [
        {"in_stock": False},
        {"price": Decimal(0)},
        {"title": " "},
        {"link": "javascript:alert(1)"},
        {"link": "/p/hat"},
        {"image_link": "data:image/png;base64,AA"},
        {"image_link": "https://evil.test;script-src 'unsafe-inline'/x"},
    ],
)
def test_what_cannot_be_shown_is_left_out(views: Views, change: dict[str, object]) -> None:
    views.visitor = [Touch("hat", "view", 2), Touch("gone", "view", 2), Touch("shoe", "view", 1)]
    views.catalogue["hat"] = offer("hat", **change)
    assert picked(views) == [("shoe", "viewed")]


class Stand:
    """An ad server with one shop, one visitor and a standing clock."""

    def __init__(self, database: Database, clock: FakeClock, views: Views) -> None:
        self.consent: Consent | None = GRANTED
        self.suppressed = False
        self.counter = ServedCounter(database, clock)
        self.workspace = Workspace(
            shop=Shop(name="shop", title="Shop", origins=["https://shop.test"], country="PL", currency="PLN"),
            campaigns={"autumn": Campaign(placement="home", slots=3, width=400, headline="For <you>")},
        )
        self.routes = routes(
            AdServer(
                workspace_of=lambda request: self.workspace if request.host == "shop.test" else None,
                subject_of=lambda request, _workspace: "s1_anna" if "rk_id" in request.cookies else None,
                latest_consent=lambda _workspace, _subject: self.consent,
                suppressed=lambda _workspace, _subject: self.suppressed,
                history=views,
                co_views=views,
                offers=views,
                counter=self.counter,
                clock=clock,
                token=lambda size: "r" * size,
            )
        )

    async def get(self, path: str = "/ad/home", *, known: bool = True, method: str = "GET", **more: object) -> Response:
        path, _, query = path.partition("?")
        request = Request(
            method=method,
            path=path,
            query={name: "" for name in query.split("&") if name},
            headers={str(name).replace("_", "-"): str(value) for name, value in more.items() if name != "host"},
            cookies={"rk_id": "x"} if known else {},
            peer="127.0.0.1",
            host=str(more.get("host", "shop.test")),
        )
        route = next(r for r in self.routes if r.path == path or (r.path[-1] == "*" and path.startswith(r.path[:-1])))
        assert method in route.methods
        return await route.handler(request)

    async def json(self, *, known: bool = True) -> dict[str, object]:
        answer = await self.get("/ad/home.json", known=known)
        return msgspec.json.decode(answer.body, type=dict[str, object])  # type: ignore[arg-type]


@pytest.fixture
def stand(database: Database, clock: FakeClock, views: Views) -> Stand:
    views.visitor, views.liked = [Touch("hat", "cart", clock() - 5)], ["tent", "mat"]
    return Stand(database, clock, views)


async def test_a_known_visitor_who_agreed_gets_a_personal_ad_for_nobody_else(stand: Stand) -> None:
    answer = await stand.get("/ad/home.json")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, no-store"
    found = await stand.json()
    assert found["personal"] is True
    assert [item["id"] for item in found["items"]] == ["hat", "tent", "mat"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("consent", [None, DENIED, NOT_PERSONAL, Consent(tcf="unreadable")])
async def test_no_consent_no_personal_ad(stand: Stand, consent: Consent | None) -> None:
    stand.consent = consent
    answer = await stand.get("/ad/home.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert "Cookie" in answer.headers["vary"]
    assert b"hat" not in answer.body  # type: ignore[operator]
    assert (await stand.json())["personal"] is False


async def test_strangers_and_suppressed_people_get_what_is_popular(stand: Stand) -> None:
    assert (await stand.json(known=False))["personal"] is False
    stand.suppressed = True
    assert (await stand.json())["personal"] is False


async def test_a_failure_while_reading_the_visitor_ends_in_a_general_ad(stand: Stand, views: Views) -> None:
    views.broken = True
    assert (await stand.json())["personal"] is False


async def test_nothing_to_show_is_204_and_an_unknown_placement_404(stand: Stand, views: Views) -> None:
    views.catalogue.clear()
    answer = await stand.get()
    assert (answer.status, answer.body) == (204, b"")
    assert (await stand.get("/ad/nowhere")).status == 404
    assert (await stand.get(host="other.test")).status == 404


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def parsed(answer: Response) -> list[tuple[str, dict[str, str | None]]]:
    assert isinstance(answer.body, bytes)
    reader = Links()
    reader.feed(answer.body.decode())
    return reader.tags


async def test_the_page_has_no_script_and_a_policy_that_fits_it(stand: Stand, views: Views) -> None:
    views.catalogue["hat"] = offer("hat", title='<script>alert("x")</script>', brand='"><b>')
    answer = await stand.get(accept="text/html")
    tags = parsed(answer)
    assert not [tag for tag, attributes in tags if tag == "script" or "style" in attributes or "onclick" in attributes]
    assert [tag for tag, _ in tags].count("a") == 3
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "img-src https://img.test;" in policy
    assert "frame-ancestors 'self' https://shop.test" in policy
    assert draw.style_hash() in policy
    assert b"<style>" + draw.stylesheet().encode() + b"</style>" in answer.body  # type: ignore[operator]
    assert b"For &lt;you&gt;" in answer.body  # type: ignore[operator]


async def test_the_fragment_brings_no_style_of_its_own(stand: Stand) -> None:
    tags = parsed(await stand.get("/ad/home?fragment"))
    assert tags[0][0] == "section"
    assert not {"style", "html", "link", "script"} & {tag for tag, _ in tags}
    style = await stand.get("/ad/slot.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_links_say_where_the_click_came_from_and_nothing_of_the_person(stand: Stand) -> None:
    links = [str(attributes["href"]) for tag, attributes in parsed(await stand.get()) if tag == "a"]
    query = parse_qs(urlsplit(links[1]).query)
    assert query == {
        "utm_source": ["rekindle"],
        "utm_medium": ["display"],
        "utm_campaign": ["autumn"],
        "utm_content": ["home-2"],
        "rk_click": ["r" * 12],
    }
    assert not any("anna" in link for link in links)


def test_a_links_own_parameters_stay_as_they_are() -> None:
    link = draw.tracked("https://shop.test/p?a=%20b&utm_source=own&flag#top", "c", "p-1", "x")
    assert link.startswith("https://shop.test/p?a=%20b&utm_source=own&flag&utm_medium=display")
    assert link.endswith("#top")
    assert link.count("utm_source") == 1


async def test_a_small_frame_shows_only_what_fits(stand: Stand) -> None:
    stand.workspace.campaigns["autumn"].width = 160
    assert [tag for tag, _ in parsed(await stand.get())].count("a") == 1


async def test_polish_shops_speak_polish(stand: Stand, views: Views) -> None:
    stand.workspace.shop.language = "pl"
    views.catalogue["hat"] = offer("hat", sale_price=Decimal("99.90"))
    answer = await stand.get()
    text = answer.body.decode()  # type: ignore[union-attr]
    assert '<html lang="pl">' in text
    assert "W Twoim koszyku" in text
    assert "99,90\xa0zł" in text
    assert "<s>1234,50\xa0zł</s>" in text.replace("1\xa0234", "1234")
    assert draw.money(Decimal("5"), "EUR", "zz-unknown") == "€5.00"


async def test_only_the_shops_own_pages_may_read_it_from_another_origin(stand: Stand) -> None:
    ours = await stand.get(origin="https://shop.test")
    assert ours.headers["access-control-allow-origin"] == "https://shop.test"
    assert "access-control-allow-origin" not in (await stand.get(origin="https://evil.test")).headers


async def test_json_is_asked_for_by_name_or_by_accept(stand: Stand) -> None:
    assert (await stand.get(accept="application/json")).headers["content-type"] == "application/json"
    assert (await stand.get(accept="text/html, application/json")).headers["content-type"].startswith("text/html")


async def test_ads_are_counted_without_a_write_for_each(stand: Stand, database: Database, clock: FakeClock) -> None:
    await stand.get()
    await stand.get(known=False)
    await stand.get(method="HEAD")
    assert served(database, "shop", 0) == []
    clock.advance(5_000)
    await stand.get()
    assert served(database, "shop", 0) == [Served("home", 2, 1)]
    await stand.get()
    assert await stand.counter.step() == 1
    assert await stand.counter.step() == 0
    assert served(database, "shop", clock()) == [Served("home", 3, 1)]
    assert served(database, "shop", clock() + 2 * 3_600_000) == []
    assert served(database, "other", 0) == []


@given(st.text(max_size=40))
def test_an_origin_can_never_add_to_a_policy(text: str) -> None:
    for candidate in (text, f"https://{text}", f"https://{text}/x.jpg"):
        origin = web_origin(candidate)
        assert origin is None or not set(origin) & set(" ;,'\"\r\n\t*")
