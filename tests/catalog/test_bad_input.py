"""Bad input in each form: repaired and said, or refused with place and remedy; what was live before never gets worse."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from rekindle.catalog import CatalogImport, RunResult, SnapshotStore
from rekindle.egress.fetch import Fetcher
from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.workspace import Catalog, Shop, Source, Workspace
from tests.conftest import FakeClock

TITLES: Final = ["Zażółć gęślą jaźń", "Łóżko dziecięce", "Pokrowiec na sofę"]
NOTICE: Final = b"<br />\n<b>Warning</b>:  Undefined variable $x in <b>/srv/feed.php</b> on line <b>12</b><br />\n"


def xml(titles: list[str]) -> str:
    items = "".join(
        f"<item><g:id>{n}</g:id><title>{title}</title><g:price>10.00 PLN</g:price></item>\n"
        for n, title in enumerate(titles, 1)
    )
    return f'<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>\n{items}</channel></rss>'


def table(titles: list[str]) -> str:
    return "id,title,price\n" + "".join(f"{n},{title},10.00 PLN\n" for n, title in enumerate(titles, 1))


def products(titles: list[str]) -> list[dict[str, str]]:
    return [{"id": str(n), "title": title, "price": "10.00 PLN"} for n, title in enumerate(titles, 1)]


def lines(titles: list[str]) -> str:
    return "".join(json.dumps(product, ensure_ascii=False) + "\n" for product in products(titles))


def array(titles: list[str]) -> str:
    return json.dumps({"products": products(titles)}, ensure_ascii=False)


FORMS: Final[dict[str, Callable[[list[str]], str]]] = {"xml": xml, "csv": table, "jsonl": lines, "json": array}


def twice(text: str) -> bytes:
    """Write the text as UTF-8, take that for Windows-1252, and write it as UTF-8 again."""
    return "".join(c if c.isascii() else c.encode().decode("latin-1") for c in text).encode()


def half_packed(text: str) -> bytes:
    return gzip.compress(text[: len(text) // 2].encode()) + gzip.compress(text[len(text) // 2 :].encode())


def zipped(text: str, name: str = "../../../tmp/feed.xml") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("manual.pdf", bytes(range(256)) * 200)
        out.writestr("__MACOSX/._feed.xml", "x" * 5000)
        out.writestr(name, text)
    return archive.getvalue()


REPAIRED: Final[dict[str, tuple[Callable[[str], bytes], str]]] = {
    "a byte-order mark": (lambda text: codecs.BOM_UTF8 + text.encode(), ""),
    "two byte-order marks": (lambda text: codecs.BOM_UTF8 * 2 + text.encode(), "stray-bom"),
    "UTF-16": (lambda text: text.encode("utf-16"), "encoding"),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), "encoding"),
    "UTF-16 the other way round": (lambda text: text.encode("utf-16-be"), "encoding"),
    "a code page": (lambda text: text.encode("cp1250"), "encoding-guessed"),
    "texts encoded twice": (twice, "double-encoded"),
    "control characters": (lambda text: text.replace("Pokr", "Po\x0bk\x00r").encode(), "control-character"),
    "gzip": (lambda text: gzip.compress(text.encode()), ""),
    "gzip in two members": (half_packed, ""),
    "gzip in gzip": (lambda text: gzip.compress(gzip.compress(text.encode())), "packed-twice"),
    "a zip with more in it, and a path out of it": (zipped, "zip-extra-files"),
    "blank lines before it": (lambda text: b"\r\n \n" + text.encode(), ""),
}

REFUSED: Final[dict[str, tuple[Callable[[str], bytes], str, str]]] = {
    "a PHP notice before it": (lambda text: NOTICE + text.encode(), "php-output", "display_errors"),
    "a login page": (lambda _: b"<!DOCTYPE html><title>Log in</title><form action=/login>", "login-page", "public"),
    "a web page": (lambda _: b"\n<html><body>Maintenance</body></html>", "html-page", "own address"),
    "an error of an API": (lambda _: b'{"error": "unauthorized", "code": 401}', "error-answer", "permissions"),
    "nothing": (lambda _: b"", "empty-file", "export"),
    "a zip that ends too early": (lambda text: zipped(text)[:-40], "zip-damaged", "publish the zip again"),
    "a gzip bomb": (lambda _: gzip.compress(bytes(80 << 20)), "packed-bomb", "times its size"),
}


class Broken(NamedTuple):
    """What ends too early: read as far as it goes, and held back, because items may be missing."""

    damage: Callable[[str], bytes]
    code: str


BROKEN: Final[dict[str, Broken]] = {
    "cut": Broken(lambda text: text.encode()[: text.encode().rindex(b"Pokr") + 2], ""),
    "gzip cut": Broken(lambda text: gzip.compress(text.encode())[:-11], "packed-truncated"),
}


class House:
    def __init__(self, folder: Path, database: Database, clock: FakeClock) -> None:
        self.folder, self.database, self.clock = folder, database, clock
        self.blobs = FolderBlobs(folder / "blobs")
        self.store = SnapshotStore(database, self.blobs)

    async def run(self, content: str | bytes, kind: str = "auto") -> RunResult:
        (self.folder / "feed").write_bytes(content.encode() if isinstance(content, str) else content)
        source = Source(name="main", location="feed", kind=kind)
        shop = Shop(name="shop", title="Shop", origins=[], country="PL", currency="PLN")
        self.clock.advance(1000)
        return await CatalogImport(
            Workspace(shop=shop, catalog=Catalog(source=[source])), self.database, self.blobs,
            Fetcher(self.folder / "got"), self.clock, base=self.folder,
        ).run(source)  # fmt: skip

    def live(self) -> str:
        found = self.store.current("shop")
        assert found is not None
        return found.digest

    def titles(self) -> list[str]:
        found = [self.store.product("shop", str(n)) for n in range(1, 4)]
        return [one[0].title if one else "" for one in found]


@pytest.fixture
def house(tmp_path: Path, database: Database, clock: FakeClock) -> House:
    return House(tmp_path, database, clock)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", REPAIRED)
async def test_what_is_safe_is_repaired_and_said(house: House, form: str, fault: str) -> None:
    damage, code = REPAIRED[fault]
    result = await house.run(damage(FORMS[form](TITLES)))
    assert (result.status, result.items) == ("live", 3), result.message
    assert house.titles() == TITLES
    told = {issue.code: issue for issue in result.issues}
    if code:
        assert told[code].remedy
    assert not set(told) - {code, "kind", "columns-guessed", "field-empty", "encoding"}
    assert not (house.folder / "tmp").exists()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", REFUSED)
async def test_what_is_no_catalogue_is_refused_and_changes_nothing(house: House, form: str, fault: str) -> None:
    damage, code, remedy = REFUSED[fault]
    await house.run(FORMS[form](["Before"] * 3))
    before = house.live()
    result = await house.run(damage(FORMS[form](TITLES)))
    assert (result.status, result.reason) == ("refused", code), result.message
    assert remedy in result.message
    assert house.live() == before


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", BROKEN)
async def test_what_ends_too_early_is_held_and_changes_nothing(house: House, form: str, fault: str) -> None:
    damage, code = BROKEN[fault]
    await house.run(FORMS[form](["Before"] * 3))
    before = house.live()
    result = await house.run(damage(FORMS[form](TITLES)))
    assert (result.status, result.reason) == ("held", "incomplete"), result.message
    places = [issue for issue in result.issues if issue.severity == "error" and (issue.row or "line" in issue.value)]
    assert places, "it says where"
    assert all(issue.remedy for issue in places)
    assert not code or code in result.codes
    assert house.live() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (xml(TITLES).replace(' xmlns:g="http://base.google.com/ns/1.0"', ""), "namespace-missing"),
        (xml(TITLES).replace("http://base.google.com/ns/1.0", ""), "namespace-missing"),
        (xml(TITLES).replace("<title>", "<c:shelf>1</c:shelf><title>"), "namespace-missing"),
        (xml(TITLES).replace("http://base.google.com/ns/1.0", "https://www.google.com/feeds"), ""),
        (xml(TITLES).replace("g:", "").replace('xmlns="http://base.google.com/ns/1.0"', ""), ""),
        (xml(TITLES).replace("<channel>", "<channel><link>https://s.example/?a=1&b=2</link>"), "unescaped-ampersand"),
        (xml([TITLES[0], NOTICE.decode() + TITLES[1], TITLES[2]]), "php-output"),
        (xml([TITLES[0], NOTICE.decode().replace("<", "&lt;") + TITLES[1], TITLES[2]]), "php-output"),
        (table(TITLES).replace(",", ";"), "delimiter"),
        (table(TITLES).replace(",", "|"), "delimiter"),
        ("sep=;\r\n" + table(TITLES).replace(",", ";"), "delimiter"),
        ("sep=,\r\n" + table(TITLES), ""),
        ("# made by a plug-in\n\n" + table(TITLES), ""),
        (array(TITLES) + "\n<br />Warning: x", "json-trailing"),
        (json.dumps(products(TITLES)) + "]", "json-trailing"),
        (array(TITLES)[:-1] + ', "total": 3}', ""),
        (lines(TITLES).replace("\n", "\r\n"), ""),
    ],
)
async def test_repairs_of_one_form(house: House, content: str, code: str) -> None:
    result = await house.run(content)
    assert (result.status, result.items) == ("live", 3), result.message
    assert house.titles() == TITLES
    assert set(result.codes) - {"kind", "columns-guessed", "field-empty"} == ({code} if code else set())


@pytest.mark.parametrize(
    ("written", "read", "code"),
    [
        ("1 234,50", "1234.50", "comma-decimal"),
        ("1\u00a0234,50 PLN", "1234.50", "comma-decimal"),
        ("1\u202f234\u202f567,89 zł", "1234567.89", "comma-decimal"),
        ("1.234,50", "1234.50", "comma-decimal"),
        ("1.234.567", "1234567", "thousands-separator"),
        ("1,234.50", "1234.50", "thousands-separator"),
        ("1,00,000.00", "100000.00", "thousands-separator"),
        ("1’234.50", "1234.50", ""),
        ("49,9", "49.9", "comma-decimal"),
        ("34.0000", "34", ""),
        ("1.234", "1.234", "ambiguous-point"),
        ("12,345", "12345", "ambiguous-comma"),
        ("12.50.3", None, "price-unreadable"),
        ("1,2,3", None, "price-unreadable"),
        ("10 20", None, "price-unreadable"),
        ("12 50,00", None, "price-unreadable"),
        ("from 10 to 20", None, "price-unreadable"),
    ],
)
async def test_prices_are_read_as_people_write_them(house: House, written: str, read: str | None, code: str) -> None:
    result = await house.run(f"id;title;price\n1;Lamp;{written}\n2;Table;5.00 PLN\n")
    found = house.store.product("shop", "1")
    assert found is not None
    price = found[0].price
    assert (None if price is None else f"{price.normalize():f}") == (None if read is None else f"{float(read):.10g}")
    told = {issue.code: issue for issue in result.issues if issue.attribute == "price" and issue.row == 2}
    assert set(told) - {"currency-assumed"} == ({code} if code else set())
    if code:
        assert told[code].value == written


async def test_an_unclosed_quote_that_closes_much_later_is_no_cell(house: House) -> None:
    await house.run("id,title,price\n" + "".join(f"{n},Before,5\n" for n in range(1, 100)))
    before = house.live()
    rows = [f"{n},{chr(34) * (n in (50, 70))}T{n},5\n" for n in range(1, 100)]
    result = await house.run("id,title,price\n" + "".join(rows))
    assert (result.status, result.reason) == ("held", "incomplete")
    issue = next(issue for issue in result.issues if issue.code == "quote-not-closed")
    assert (issue.row, issue.value) == (51, "lines 51 to 71")
    assert house.live() == before
    whole = 'id,title,price\n1,"A\nfew, many\nlines, too\nof text",5\n2,B,5\n'
    assert (await house.run(whole)).reason == "shrunk", "lines of a text are lines of a text"


async def test_a_document_type_behind_the_first_look_is_refused_too(house: House) -> None:
    offers = '<offers><o id="1" price="5"><name>&a;</name></o></offers>'
    (house.folder / "feed").write_text(f"<?x {'y' * 70_000}?><!DOCTYPE offers [<!ENTITY a 'b'>]>{offers}")
    result = await house.run((house.folder / "feed").read_bytes(), "ceneo")
    assert (result.status, result.reason) == ("refused", "xml-entities")
