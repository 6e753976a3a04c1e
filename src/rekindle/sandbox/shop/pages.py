"""The shop's pages as `rekindle.model.web` routes: rendered on the server, under a strict content-security policy."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import jinja2
import msgspec
from markupsafe import Markup

from rekindle.model.product import Product
from rekindle.model.web import Request, Response, Route
from rekindle.sandbox.shop import cart, data_layer, markup, texts
from rekindle.sandbox.shop.catalogue import Shelves, in_stock, price_of
from rekindle.sandbox.shop.data_layer import Push
from rekindle.sandbox.shop.orders import Order, Orders
from rekindle.sandbox.shop.pictures import draw

HERE = Path(__file__).parent
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_PAGE = 24
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Slot(msgspec.Struct, frozen=True):
    """One advertisement: the campaign's ``placement`` and its size in CSS pixels."""

    placement: str
    width: int = 728
    height: int = 250


SLOTS = {page: Slot(page) for page in ("home", "category", "product", "cart", "thanks")}
"""One placement for each kind of page, named like the page. The checkout has none."""


class Shop:
    """A shop over a list of products. ``language`` is that of ``/``; the other one lives below ``/en`` or ``/pl``."""

    def __init__(
        self,
        products: Sequence[Product],
        *,
        name: str = "Halny",
        language: str = "pl",
        slots: Mapping[str, Slot] | None = None,
        tag: str = "/t.js",
        order_number: Callable[[], str] = lambda: secrets.token_hex(6).upper(),
    ) -> None:
        if language not in texts.LANGUAGES:
            raise ValueError(f"language {language!r}: the shop speaks {', '.join(texts.LANGUAGES)}")
        self.name = name
        self.shelves = Shelves(products)
        self.currency = data_layer.currency_of(products)
        self.language = language
        self.other = next(known for known in texts.LANGUAGES if known != language)
        self.slots = SLOTS if slots is None else slots
        self.tag = tag
        self.orders = Orders(order_number)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters["json"] = _json

    def routes(self) -> list[Route]:
        """Return the shop's routes."""
        get, both = frozenset({"GET", "HEAD"}), frozenset({"GET", "HEAD", "POST"})
        paths = {
            "/": get,
            "/c/*": get,
            "/p/*": get,
            "/search": get,
            "/thank-you": get,
            "/cart": both,
            "/checkout": both,
        }
        paths |= {f"/{self.other}": get, f"/{self.other}/*": both}
        pages = [Route(methods=methods, path=path, handler=self.answer) for path, methods in paths.items()]
        return [
            *pages,
            Route(methods=get, path="/img/*", handler=self._picture),
            Route(methods=get, path="/shop/*", handler=_file),
        ]

    async def answer(self, request: Request) -> Response:
        """Answer a page; 404 is a page too."""
        prefix = f"/{self.other}"
        inside = request.path == prefix or request.path.startswith(prefix + "/")
        path = (request.path.removeprefix(prefix) or "/") if inside else request.path
        view = _View(self, request, path, self.other if inside else self.language, prefix if inside else "")
        return view.answer()

    def render(self, template: str, words: Mapping[str, Any]) -> bytes:
        """Return a page as UTF-8."""
        return self._templates.get_template(template).render(words).encode()

    async def _picture(self, request: Request) -> Response:
        product = self.shelves.by_id.get(unquote(request.path.removeprefix("/img/")).removesuffix(".svg"))
        if product is None:
            return Response(status=404)
        headers = {
            "content-type": "image/svg+xml",
            "cache-control": "public, max-age=3600",
            "content-security-policy": "default-src 'none'",
        }
        return Response(headers=headers, body=draw(product))


def routes(products: Sequence[Product], **options: Any) -> list[Route]:
    """Return the routes of a `Shop` over ``products``; ``options`` are its keywords."""
    return Shop(products, **options).routes()


class _View:
    """One request: what is common to all pages, and one method for each."""

    def __init__(self, shop: Shop, request: Request, path: str, language: str, prefix: str) -> None:
        self.shop, self.request, self.path, self.language, self.prefix = shop, request, path, language, prefix
        held = cart.read(request.cookies.get(cart.NAME, ""))
        self.cart = {item_id: pieces for item_id, pieces in held.items() if item_id in shop.shelves.by_id}
        self.lines = [(shop.shelves.by_id[item_id], pieces) for item_id, pieces in self.cart.items()]

    def answer(self) -> Response:
        head, _, rest = self.path.lstrip("/").partition("/")
        if self.request.method == "POST":
            return {"cart": self.change_cart, "checkout": self.order}.get(head, self.missing)()
        if head in ("c", "p"):
            return (self.category if head == "c" else self.product)(unquote(rest))
        if rest:
            return self.missing()
        pages = {
            "": self.home,
            "search": self.search,
            "cart": self.show_cart,
            "checkout": self.checkout,
            "thank-you": self.thanks,
        }
        return pages.get(head, self.missing)()

    # -- pages

    def home(self) -> Response:
        chosen = [
            product
            for shelf in self.shop.shelves.shelves.values()
            for product in [head for head in self.shop.shelves.heads(shelf.products) if in_stock(head)][:2]
        ][:8]
        return self.page("home.html", "home", [data_layer.listed(chosen, "home")], products=chosen, list_id="home")

    def category(self, slug: str) -> Response:
        shelf = self.shop.shelves.shelves.get(slug)
        if shelf is None:
            return self.missing()
        title = texts.category_name(shelf.name, self.language)
        return self._list(title, f"category_{slug}", self.shop.shelves.heads(shelf.products))

    def search(self) -> Response:
        words = self.request.query.get("q", "")[:100]
        found = self.shop.shelves.search(words)
        return self._list(
            self.words["results"], "search", found, {"event": "search", "search_term": words}, words=words
        )

    def product(self, item_id: str) -> Response:
        product = self.shop.shelves.by_id.get(item_id)
        if product is None:
            return self.missing()
        variants = self.shop.shelves.variants(product)
        title = texts.title(product, self.language)
        return self.page(
            "product.html", "product", [data_layer.one("view_item", product)], title=title, product=product,
            variants=variants if len(variants) > 1 else [], to_cart=data_layer.one("add_to_cart", product),
            markup=markup.product(product, title, self.shop.currency, self.prefix),
        )  # fmt: skip

    def show_cart(self) -> Response:
        pushes = [data_layer.basket("view_cart", self.lines)] if self.lines else []
        removals = {product.id: data_layer.one("remove_from_cart", product, pieces) for product, pieces in self.lines}
        return self.page("cart.html", "cart", pushes, title=self.words["cart"], removals=removals)

    def checkout(self, wrong: str = "", given: Mapping[str, str] | None = None) -> Response:
        if not self.lines:
            return self.go("/cart")
        pushes = [] if wrong else [data_layer.basket("begin_checkout", self.lines)]
        steps = [
            data_layer.basket("add_shipping_info", self.lines, shipping_tier="courier"),
            data_layer.basket("add_payment_info", self.lines, payment_type="transfer"),
        ]
        return self.page(
            "checkout.html", "checkout", pushes, status=422 if wrong else 200, title=self.words["delivery"],
            wrong=wrong, given=given or {}, steps=steps,
        )  # fmt: skip

    def thanks(self) -> Response:
        number = self.request.query.get("order", "")
        order = self.shop.orders.take(number)
        pushes: list[Any] = []
        if order is not None:
            lines = [(self.shop.shelves.by_id[item_id], pieces) for item_id, pieces in order.lines.items()]
            # The push that Google calls user-provided data; the tag holds it back without consent.
            pushes = [
                {"user_data": order.user_data},
                data_layer.basket("purchase", lines, transaction_id=number, tax=0, shipping=0),
            ]
        return self.page("thanks.html", "thanks", pushes, title=self.words["thanks"], order=number if order else "")

    def missing(self) -> Response:
        return self.page("missing.html", "missing", [], status=404, title=self.words["not_found"])

    # -- forms

    def change_cart(self) -> Response:
        form = self.form()
        item_id, pieces = form.get("item_id", ""), form.get("quantity", "1")
        product = self.shop.shelves.by_id.get(item_id)
        lines = dict(self.cart)
        if form.get("do") == "remove":
            lines.pop(item_id, None)
        elif product is not None and in_stock(product):
            lines = cart.add(lines, item_id, int(pieces) if pieces.isdecimal() else 1)
        return self.go("/cart", {"set-cookie": cart.write(lines)})

    def order(self) -> Response:
        form = self.form()
        if not self.lines:
            return self.go("/cart")
        name, at, host = form.get("email", "").strip().partition("@")
        if not (name and at and "." in host):
            return self.checkout(self.words["email_wrong"], form)
        number = self.shop.orders.place(Order(lines=self.cart, form=form))
        return self.go(f"/thank-you?order={quote(number)}", {"set-cookie": cart.write({})})

    # -- what all share

    @property
    def words(self) -> dict[str, str]:
        return texts.WORDS[self.language]

    def form(self) -> dict[str, str]:
        return {
            name: values[-1][:200] for name, values in parse_qs(self.request.body.decode("utf-8", "replace")).items()
        }

    def go(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return Response(
            status=303, headers={"location": self.prefix + path, "cache-control": "no-store"} | (headers or {})
        )

    def _list(self, title: str, list_id: str, found: Sequence[Product], *pushes: Push, words: str = "") -> Response:
        given = self.request.query.get("page", "1")
        last = max(1, -(-len(found) // _PAGE))
        number = min(last, max(1, int(given))) if given.isdecimal() and len(given) < 6 else 1
        shown = found[(number - 1) * _PAGE : number * _PAGE]
        return self.page(
            "list.html", "category", [*pushes, data_layer.listed(shown, list_id)], title=title, products=shown,
            list_id=list_id, number=number, last=last, words=words,
        )  # fmt: skip

    def page(
        self,
        template: str,
        kind: str,
        pushes: Sequence[Push],
        *,
        status: int = 200,
        title: str = "",
        words: str = "",
        **more: Any,
    ) -> Response:
        shop, language = self.shop, self.language
        twin_prefix = "" if self.prefix else f"/{shop.other}"
        body = shop.render(
            template,
            {
                "t": self.words, "title": title, "shop": shop, "language": language, "prefix": self.prefix, "kind": kind,
                "twin": (twin_prefix + self.path) or "/", "lines": self.lines, "searched": words,
                "pieces": sum(self.cart.values()), "slot": shop.slots.get(kind), "pushes": list(pushes),
                "shelves": [(shelf.slug, texts.category_name(shelf.name, language)) for shelf in shop.shelves.shelves.values()],
                "name_of": lambda product: texts.title(product, language),
                "text_of": lambda product: texts.description(product, language),
                "price": lambda amount: texts.money(amount, shop.currency, language),
                "price_of": price_of, "in_stock": in_stock, "selected": lambda product, at: _select(product, at, more.get("list_id", "")),
                "total": data_layer.total(self.lines), "quote": lambda text: quote(text, safe=""),
            } | more,
        )  # fmt: skip
        headers = {
            "content-type": "text/html; charset=utf-8", "content-security-policy": CSP, "cache-control": "no-store",
            "x-content-type-options": "nosniff", "referrer-policy": "strict-origin-when-cross-origin",
        }  # fmt: skip
        return Response(status=status, headers=headers, body=body)


def _select(product: Product, at: int, list_id: str) -> Push:
    return {"event": "select_item", "ecommerce": {"items": [data_layer.item(product, index=at, item_list_id=list_id)]}}


def _json(value: Any) -> Markup:
    """Return JSON that is safe inside ``<script>`` and, escaped by Jinja's quotes, in attributes."""
    text = msgspec.json.encode(value).decode()
    for letter in "<>&'":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 -- the letters that mean anything to HTML are gone


async def _file(request: Request) -> Response:
    name = request.path.removeprefix("/shop/")
    path = HERE / "static" / name
    if "/" in name or path.suffix not in _TYPES or not path.is_file():
        return Response(status=404)
    headers = {
        "content-type": _TYPES[path.suffix],
        "cache-control": "public, max-age=300",
        "x-content-type-options": "nosniff",
    }
    return Response(headers=headers, body=path)
