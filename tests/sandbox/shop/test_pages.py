"""The demo shop without a browser: its pages, its cart, its own catalogue and other people's."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rekindle.model.product import Product
from rekindle.model.web import Request, Response
from rekindle.sandbox.serving import match
from rekindle.sandbox.shop import cart, load_catalog, routes
from rekindle.sandbox.shop.catalogue import Shelves, in_stock, price_of
from rekindle.sandbox.shop.pictures import draw

CATALOG = load_catalog()
SHOP = routes(CATALOG)


def ask(path: str, *, shop: Any = SHOP, cookie: str = "", form: dict[str, str] | None = None, **query: str) -> Response:
    method = "GET" if form is None else "POST"
    request = Request(
        method=method, path=path, query=query, headers={}, cookies={"cart": cookie} if cookie else {}, peer="", host="shop",
        body=urlencode(form or {}).encode(),
    )  # fmt: skip
    handler = match(shop, method, path)
    if isinstance(handler, int):
        return Response(status=handler)

    async def answer() -> Response:
        return await handler(request)

    return asyncio.run(answer())


def html(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def pushes(response: Response) -> list[dict[str, Any]]:
    found = re.search(r'id="pushes">(.*?)</script>', html(response))
    assert found is not None
    pushed: list[dict[str, Any]] = json.loads(found[1])
    return pushed


def test_its_catalogue_is_a_believable_shop_with_planted_faults():
    assert len(CATALOG) == len({product.id for product in CATALOG}) > 55
    assert all(product.currency == "PLN" and product.attributes["title_pl"] for product in CATALOG)
    assert sum(not in_stock(product) for product in CATALOG) == 6
    assert sum(product.brand is None for product in CATALOG) == 1
    assert sum(product.gtin is None for product in CATALOG) == 2
    assert sum(len(product.title) > 150 for product in CATALOG) == 1
    assert sum(product.description is None for product in CATALOG) == 1
    dear = [
        product for product in CATALOG if product.sale_price and product.price and product.sale_price > product.price
    ]
    assert [price_of(product) for product in dear] == [product.price for product in dear] != []


@pytest.mark.parametrize("product", CATALOG, ids=lambda product: product.id)
def test_every_product_has_a_page_a_push_and_a_picture(product: Product):
    page = ask(f"/p/{product.id}")
    (view,) = pushes(page)
    assert view["event"] == "view_item"
    assert view["ecommerce"]["items"][0]["item_id"] == product.id
    assert view["ecommerce"]["value"] == float(price_of(product))
    assert ("Dodaj do koszyka" in html(page)) == in_stock(product)
    assert b"<svg" in draw(product)
    etree.fromstring(draw(product))


def test_pages_speak_polish_and_english():
    assert '<html lang="pl">' in html(ask("/"))
    assert "Namioty" in html(ask("/"))
    english = html(ask("/en/p/HLN-601-RED"))
    assert "Enamel mug" in english
    assert "£" not in english
    assert "PLN" in english
    assert 'href="/p/HLN-601-RED"' in english
    assert "39,00\xa0zł" in html(ask("/p/HLN-601-RED"))


@pytest.mark.parametrize(
    "path", ["/p/none", "/c/none", "/x", "/en/x", "/p/", "/img/none.svg", "/shop/../pages.py", "/shop/none.js"]
)
def test_what_is_not_there_is_not_found(path: str):
    assert ask(path).status == 404


def test_a_visit_fills_the_cart_and_buys_once():
    added = ask("/cart", form={"item_id": "HLN-601-RED", "quantity": "3"})
    assert (added.status, added.headers["location"]) == (303, "/cart")
    cookie = added.headers["set-cookie"].split(";")[0].removeprefix("cart=")
    (view,) = pushes(ask("/cart", cookie=cookie))
    assert (view["event"], view["ecommerce"]["value"]) == ("view_cart", 117.0)
    assert pushes(ask("/checkout", cookie=cookie))[0]["event"] == "begin_checkout"
    wrong = ask("/checkout", cookie=cookie, form={"name": "A", "email": "nobody"})
    assert wrong.status == 422
    assert "anna@example.com" in html(wrong)
    placed = ask("/en/checkout", cookie=cookie, form={"name": "Jan Kot", "email": "jan@kot.pl", "city": "Łódź"})
    assert "Max-Age=0" in placed.headers["set-cookie"]
    path, _, order = placed.headers["location"].partition("?order=")
    user, bought = pushes(ask(path, order=order))
    assert user["user_data"]["address"] == {"first_name": "Jan", "last_name": "Kot", "city": "Łódź"}
    assert bought["ecommerce"]["transaction_id"] == order
    assert pushes(ask(path, order=order)) == []


def test_a_sold_out_product_cannot_be_put_in_the_cart():
    gone = next(product for product in CATALOG if not in_stock(product))
    assert "Max-Age=0" in ask("/cart", form={"item_id": gone.id}).headers["set-cookie"]
    assert ask("/checkout").headers["location"] == "/cart"


def test_search_finds_words_without_accents_and_says_so():
    searched, listed = pushes(ask("/search", q="spiwor"))
    assert (searched["event"], searched["search_term"]) == ("search", "spiwor")
    assert {item["item_id"][:7] for item in listed["ecommerce"]["items"]} == {"HLN-301", "HLN-302"}
    assert pushes(ask("/search", q="zzz"))[1]["ecommerce"]["items"] == []


def test_the_policy_is_strict_and_the_pages_keep_it():
    page = ask("/")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy

    class Inline(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [name for name, _ in attrs if name.startswith("on") or name == "style"]
            self.found += [value for name, value in attrs if name in ("src", "href") and value and "//" in value]
            if tag == "style":
                self.found.append(tag)

    parser = Inline()
    for path in ("/", "/c/tents", "/p/HLN-101-GRE", "/cart"):
        parser.feed(html(ask(path)))
    assert parser.found == []


@given(
    st.lists(
        st.builds(
            Product, id=st.text(min_size=1, max_size=12), title=st.text(max_size=30), product_type=st.none() | st.text(max_size=9),
            price=st.none() | st.decimals(0, 9999, places=2), color=st.none() | st.sampled_from(["red", "zielony", "plaid"]),
            group_id=st.none() | st.sampled_from(["g", "h"]),
        ),
        max_size=4,
        unique_by=lambda product: product.id,
    )
)  # fmt: skip
def test_any_catalogue_makes_a_shop(products: list[Product]):
    shop = routes(products)
    assert ask("/", shop=shop).status == 200
    for product in products:
        etree.fromstring(draw(Product(id=product.id, title="<&>", color=product.color)))
    for slug in Shelves(products).shelves:
        (listed,) = pushes(ask(f"/c/{slug}", shop=shop))
        assert all(Decimal(str(item["price"])) >= 0 for item in listed["ecommerce"]["items"])


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.integers(1, 99), max_size=20))
def test_a_cart_survives_its_cookie(lines: dict[str, int]):
    value = cart.write(lines).split(";")[0].removeprefix("cart=")
    assert cart.read(value) == lines
    assert value.isascii()


@given(st.text(max_size=50))
def test_a_broken_cart_is_an_empty_one(cookie: str):
    assert all(0 < pieces <= 99 for pieces in cart.read(cookie).values())
