"""Categories of one feed: the shop's own beside Google's, proposals and search, a preview, and the rule they become."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Annotated, Any, Literal

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from rekindle.console.visit import BIGGEST, Visit
from rekindle.feeds import NoTaxonomy, NothingToBuild, Preview, RuleError, ShopCategory, UnknownChannel
from rekindle.feeds.category_desk import CategoryDesk
from rekindle.feeds.category_table import entries, entry, with_entries
from rekindle.feeds.taxonomy import Category, searching
from rekindle.workspace import Feed, Workspace

_LISTED = 200
_FOUND = 20
_SAMPLES = 10
_LARGEST_FORM = 1 << 20

Done = Annotated[int | None, QueryParameter(ge=1, le=BIGGEST)]
Words = Annotated[str, QueryParameter(max_length=200)]
Fill = Annotated[Literal[0, 1], QueryParameter()]
Language = Annotated[Literal["en", "pl"], QueryParameter()]


class Found(msgspec.Struct, frozen=True):
    """One category of the taxonomy: its number and its path in the asked language."""

    number: int
    path: str


class Row(msgspec.Struct, frozen=True):
    """One category of the shop's, and what the form says for it; ``fault``: that is no category of the taxonomy."""

    shop: ShopCategory
    sent: str
    given: str
    fault: bool = False


class Entry(msgspec.Struct, frozen=True):
    """One changed entry: the shop's category, the taxonomy's number and path; both empty where it is taken out."""

    own: str
    to: str
    path: str


@get("/w/{workspace:str}/feeds/{name:str}/categories", opt={"action": "view"}, include_in_schema=False,
     sync_to_thread=True)  # fmt: skip
def page(
    visit: NamedDependency[Visit], name: FromPath[str], q: Words = "", fill: Fill = 0, done: Done = None
) -> Response[str]:
    """Show the shop's categories with a field for each; ``fill`` writes the likeliest proposal into empty ones."""
    return _show(visit, name, words=q, fill=bool(fill), done=done)


@post("/w/{workspace:str}/feeds/{name:str}/categories/preview", opt={"action": "publish"}, include_in_schema=False,
      request_max_body_size=_LARGEST_FORM)  # fmt: skip
async def ask(request: Request[Any, Any, Any], visit: NamedDependency[Visit], name: FromPath[str]) -> Response[str]:
    """Show what the feed would be with the form's entries; nothing is changed."""
    given = await _given(request)
    return await run_sync(_ask, visit, name, given)


@post("/w/{workspace:str}/feeds/{name:str}/categories/save", opt={"action": "publish"}, include_in_schema=False,
      request_max_body_size=_LARGEST_FORM)  # fmt: skip
async def save(
    request: Request[Any, Any, Any], visit: NamedDependency[Visit], name: FromPath[str]
) -> Response[str] | Redirect:
    """Save the entries that were previewed as the feed's rule, in a new version of the workspace."""
    given = await _given(request)
    digest = str((await request.form()).get("digest", ""))
    return await run_sync(_save, visit, name, given, digest)


@get("/api/w/{workspace:str}/feeds/{name:str}/categories", opt={"action": "view"}, sync_to_thread=True)
def data(visit: NamedDependency[Visit], name: FromPath[str], language: Language = "en") -> list[ShopCategory]:
    """Return the shop's 200 largest categories, those with most items that get no category of Google's first."""
    return _shown(visit, name, language)


@get("/api/w/{workspace:str}/taxonomy", opt={"action": "view"}, sync_to_thread=True)
def data_taxonomy(q: Words, language: Language = "en") -> list[Found]:
    """Return up to 20 categories of Google's taxonomy by words (in English or Polish), number or path."""
    return [Found(each.number, each.path(language)) for each in searching.search(q, language, _FOUND)]


async def _given(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the form's entries: what stands in the field of each of the shop's categories."""
    form = await request.form()
    own, to = (form.getall(key, []) for key in ("own", "to"))
    return {str(key): str(value).strip() for key, value in zip_longest(own, to, fillvalue="") if key}


def _ask(visit: Visit, name: str, given: Mapping[str, str]) -> Response[str]:
    document = _document(visit, name)
    chosen = {own: searching.read(text) for own, text in given.items() if text}
    if not all(chosen.values()):
        return _show(visit, name, given=given, problem="unknown")
    changes = _changes(document, given, chosen)
    if not changes:
        return _show(visit, name, given=given, problem="same")
    changed = with_entries(document, changes)
    try:
        found, failed = _desk(visit).preview(visit.shop, name, changed, _SAMPLES)
    except (NothingToBuild, RuleError):
        raise NotFoundException from None
    return _preview(visit, name, changes, found, failed, digest(document, changed))


def _preview(
    visit: Visit, name: str, changes: Mapping[str, str], found: Preview, failed: Sequence[str], mark: str
) -> Response[str]:
    listed = [Entry(own, to, _path(to, visit.language)) for own, to in sorted(changes.items())]
    return visit.page(
        "categories_preview.html", name=name, changes=listed, preview=found, failed=failed, digest=mark, most=_SAMPLES
    )


def _save(visit: Visit, name: str, given: Mapping[str, str], mark: str) -> Response[str] | Redirect:
    versions, document = visit.services.versions, _document(visit, name)
    chosen = {own: searching.read(text) for own, text in given.items() if text}
    if versions is None or not all(chosen.values()):
        raise NotFoundException
    changed = with_entries(document, _changes(document, given, chosen))
    if mark != digest(document, changed):
        return _show(visit, name, given=given, problem="other")
    who = visit.user.name if visit.user is not None else visit.actor
    made = versions.apply(_with(visit.shop, name, changed), who, f"categories of feed {name}", "console")
    return Redirect(f"{visit.home}/feeds/{name}/categories?done={made.version}", status_code=303)


def _changes(document: Feed, given: Mapping[str, str], chosen: Mapping[str, Category | None]) -> dict[str, str]:
    """Return the entries that differ from what the rule says now; "" takes one out."""
    wanted = {own: str(known.number) if (known := chosen.get(own)) else "" for own in given}
    return {own: to for own, to in wanted.items() if not _same(entry(document, own) or "", to)}


def _same(now: str, wanted: str) -> bool:
    """Tell whether two spellings are one category: a rule may have its path."""
    known = searching.read(now) if now else None
    return now == wanted or (known is not None and str(known.number) == wanted)


def digest(document: Feed, changed: Feed) -> str:
    """Return what names a change of a feed in the form: what was looked at is what is saved, on what was live then."""
    both = msgspec.json.encode([document, changed], order="deterministic")
    return hashlib.sha256(both).hexdigest()[:16]


def _with(shop: Workspace, name: str, feed: Feed) -> Workspace:
    return msgspec.structs.replace(shop, feeds={**shop.feeds, name: feed})


def _show(
    visit: Visit,
    name: str,
    *,
    words: str = "",
    fill: bool = False,
    done: int | None = None,
    given: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response[str]:
    document = _document(visit, name)
    rows = [_row(document, each, visit.language, fill, given) for each in _shown(visit, name, visit.language)]
    return visit.page(
        "categories.html",
        status={"": 200, "other": 409}.get(problem, 400),
        name=name,
        rows=rows,
        entries=len(entries(document)),
        most=_LISTED,
        words=words,
        found=searching.search(words, visit.language, _FOUND) if words else [],
        filled=fill,
        done=done,
        problem=problem,
    )


def _row(document: Feed, shop: ShopCategory, language: str, fill: bool, given: Mapping[str, str] | None) -> Row:
    mine = entry(document, shop.name) or ""
    text = _path(mine, language)
    if fill and not mine and shop.proposed:
        text = shop.proposed[0].local
    if given is not None:
        text = given.get(shop.name, text)
    return Row(shop, _path(shop.sent or "", language), text, bool(text) and searching.read(text) is None)


def _path(value: str, language: str) -> str:
    """Return a category's path in a language; what is none stays as it is."""
    known = searching.read(value) if value else None
    return known.path(language) if known is not None else value


def _shown(visit: Visit, name: str, language: str) -> list[ShopCategory]:
    try:
        return _desk(visit).shown(visit.shop, name, language, _LISTED)
    except (NothingToBuild, NoTaxonomy, RuleError, UnknownChannel):
        raise NotFoundException from None


def _document(visit: Visit, name: str) -> Feed:
    if name not in visit.shop.feeds:
        raise NotFoundException
    return visit.shop.feeds[name]


def _desk(visit: Visit) -> CategoryDesk:
    if visit.services.categories is None:
        raise NotFoundException
    return visit.services.categories


HANDLERS = [page, ask, save, data, data_taxonomy]
