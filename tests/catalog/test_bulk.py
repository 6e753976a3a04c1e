"""Reading set by set says the same as reading row by row: the same file of items, byte for byte, and the same report."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rekindle.catalog import Options, Refused, Report, bulk, open_catalog
from rekindle.catalog.bulk import stage_opened
from rekindle.catalog.reading import Opened
from rekindle.catalog.staging import Progress, stage
from rekindle.model.issue import Issue

SHOP = Options(currency="PLN", link_base="https://shop.example/")
Told = tuple[bytes | str, list[Issue], dict[str, int], bool]


class _NoItems:
    """A source whose items nobody may ask for one by one."""

    def __init__(self, opened: Opened) -> None:
        self._source = opened.source

    def __getattr__(self, name: str) -> Any:
        if name == "items":
            raise AssertionError("the file was read row by row")
        return getattr(self._source, name)


def staged(path: Path, options: Options, way: Callable[[Opened, Path, Report], Path]) -> Told:
    report = Report()
    with TemporaryDirectory() as name:
        try:
            with open_catalog(path, "auto", options, report, folder=Path(name)) as opened:
                content: bytes | str = way(opened, Path(name), report).read_bytes()
        except Refused as refused:
            content = str(refused)
    return content, report.issues, report.codes(), report.incomplete


def in_sets(path: Path, options: Options = SHOP, *, only: bool = False, progress: Progress | None = None) -> Told:
    def way(opened: Opened, folder: Path, report: Report) -> Path:
        if only:
            source: Any = _NoItems(opened)
            opened = Opened(opened.kind, opened.prepared, opened.options, opened.report, source)
        return stage_opened(opened, "main", folder, report, progress, least=0)

    return staged(path, options, way)


def row_by_row(path: Path, options: Options = SHOP, progress: Progress | None = None) -> Told:
    return staged(path, options, lambda opened, folder, report: stage(opened.items(), "main", folder, report, progress))


def product(number: int, **fields: object) -> dict[str, object]:
    return {
        "id": f"P{number:05}",
        "title": f"Sofa „Łódź” {number}",
        "price": number + 0.25,
        "link": f"https://shop.example/{number}",
        "images": {"main": f"https://cdn.example/{number}.jpg", "size": 3},
        "additional_image_link": [f"https://cdn.example/{number},w_60/v1.jpg"],
        "availability": "in_stock",
        "quantity": number,
        "made_in": "PL",
    } | fields


def lines(*given: object) -> str:
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in given)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "main.jsonl"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return path

    return write


def test_good_files_are_read_in_sets_alone(write: Callable[[str], Path]) -> None:
    path = write(lines(*(product(number) for number in range(5000))))
    told = in_sets(path, only=True)
    assert told == row_by_row(path)
    assert told[2] == {"currency-assumed": 5000, "kind": 1, "columns-guessed": 1}
    assert sum(issue.code == "currency-assumed" for issue in told[1]) == 100


def test_odd_lines_among_many_are_read_alone(write: Callable[[str], Path]) -> None:
    good = [product(number, sale_price=number * 2) for number in range(7000)]
    text = (
        lines(*good[:3000])
        + "\n  \nno json\n{}\n"
        + lines(*reversed(good[3000:]))
        + lines(product(7, price="1e3"), {"id": "x"})
    )
    path = write(text + '{"id": "cut')
    told = in_sets(path, only=True)
    assert told == row_by_row(path)
    assert told[2]["sale-not-lower"] == 6999
    assert {"duplicate-id": 1, "json-broken": 1, "json-truncated": 1, "no-id": 1}.items() <= told[2].items()
    assert told[3]


def test_ids_in_their_order_need_no_sorting(write: Callable[[str], Path]) -> None:
    several = [product(number) for number in range(2048 * 3 + 5)]
    forwards = in_sets(write(lines(*several)), only=True)
    assert forwards == row_by_row(write(lines(*several)))
    swapped = [*several[:4000], several[4001], several[4000], *several[4002:]]
    assert in_sets(write(lines(*swapped)), only=True) == row_by_row(write(lines(*swapped)))
    twice = [*several[:4000], several[3999], *several[4000:]]
    assert in_sets(write(lines(*twice)), only=True) == row_by_row(write(lines(*twice)))


def test_progress_tells_lines_and_then_items(write: Callable[[str], Path]) -> None:
    text = lines(*(product(number) for number in range(3000)))
    sets: list[int] = []
    rows: list[int] = []
    in_sets(write(text + "\n \n"), progress=sets.append, only=True)
    row_by_row(write(text), progress=rows.append)
    assert sets == sorted(sets)
    assert sets[-1] == rows[-1] == 3000


def test_what_the_engine_does_not_take_is_read_row_by_row(write: Callable[[str], Path]) -> None:
    twice = '{"id": "a", "title": "1", "title": "2", "price": 3}\n'
    path = write(lines({"id": "b", "title": "x", "price": 1}) + twice)
    assert in_sets(path) == row_by_row(path)
    with pytest.raises(AssertionError, match="row by row"):
        in_sets(path, only=True)


def test_an_engine_without_room_leaves_it_to_the_other_way(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(lines(*(product(number, price="-1") for number in (3, 2, 2))))
    expected = row_by_row(path)

    def full(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(bulk, "finish", full)
    assert in_sets(path) == expected


WORDS = st.sampled_from(
    ["", " ", "x", " x", "x\n", "\u00a0x", "a\n b", "[1]", "{", "null", "1.50", "sofÄ™", "à « b", "\x7f", "\x00", "\x1f", "\ufffe",
     "żółć", "😀", "\u2028x", "a,b", "\x85", "\v", "\\", '"', "K", "a\x1eb", "x Notice: a in /b.php on line 3", "stand on line 7"]
)  # fmt: skip
AMOUNTS = st.one_of(
    st.sampled_from(
        ["", "1", "1.5", "10.00 PLN", "10 EUR", "9,99", "1.234,50 zł", "-1", "0", "0.00", "12.345678", "1e3", "5 LEI", "USD 3", " 4 ",
         "99999999999", "1 2", "007", "3.0", "12.", ".5", "1.234", "0.500", "12.500 PLN", "10.00  PLN", "10.00 pln", "5 PLN\n"]
    ),
    st.integers(-3, 10**20), st.sampled_from([1.5, 0.1 + 0.2, 1e3, 1e22, 1e-7, 12345678.1234, 2.50, -0.0, 10.123]), st.none(), st.booleans(),
)  # fmt: skip
LINKS = st.sampled_from(
    ["https://a.example/x", "http://a.example/x,y", "/x", "x", "", "HTTPS://a", "https://a.example/1,https://a.example/2",
     "https://a.example/1 https://a.example/2", "https://a.example/1, /2", "https:x,http://y", "ftp://x", "https://a/|http://b",
     "https://a.example/c,h_6/x", "//x", "https://a;b", " https://a"]
)  # fmt: skip
PRICES = [
    AMOUNTS.filter(lambda amount: isinstance(amount, str)),
    AMOUNTS.filter(lambda amount: not isinstance(amount, str)),
]
VALUES: dict[str, list[st.SearchStrategy[Any]]] = {
    "id": [st.sampled_from(["a", "b", "c", "d", " e", "", "Z", "ż"]), st.integers(0, 9)],
    "title": [WORDS, st.lists(WORDS, max_size=2)],
    "description": [WORDS],
    "price": PRICES,
    "sale_price": PRICES,
    "currency": [st.sampled_from(["", "PLN", "eur", "zł", None, "EURO"])],
    "availability": [
        st.sampled_from(["in stock", "", "https://schema.org/OutOfStock", "x", None, 1, True, "In_Stock"])
    ],
    "stock": PRICES,
    "link": [LINKS],
    "image_link": [LINKS, st.lists(LINKS, max_size=2)],
    "additional_image_link": [LINKS, st.lists(LINKS, max_size=3)],
    "category": [WORDS, st.lists(WORDS, max_size=3)],
    "ean": [WORDS, st.sampled_from(["5901234123457", "4.00638E+12", "'5901234123457", 5901234123457])],
    "custom_labels": [st.lists(WORDS, max_size=3), WORDS],
    "custom_label_1": [WORDS],
    "custom_label_0": [WORDS],
    "sale_price_effective_date": [st.sampled_from([None, "", "2026-09-01T00:00Z/2026-09-08T00:00Z"])],
    "weight": [st.floats(allow_nan=False, allow_infinity=False), st.integers(), WORDS],
    "extra": [
        st.dictionaries(
            st.sampled_from(["a", "b", "title", "ä"]), st.one_of(WORDS, st.integers(), st.none()), max_size=2
        )
    ],
    "tags": [st.lists(WORDS, max_size=3), st.lists(st.one_of(WORDS, st.none(), st.integers()), max_size=3)],
    "source.title": [WORDS],
    "name": [WORDS],
    "Title": [WORDS],
    "variants": [st.lists(st.dictionaries(st.sampled_from(["a", "b"]), WORDS, max_size=1), max_size=1)],
}
RARE = {"Title", "variants"}
"""What makes a file that is read row by row."""

BROKEN = st.sampled_from(
    ["", "  ", "[]", "1", "{", '{"id": "a"} {"id": "b"}', '{"id": NaN}', '{"id": "a",}', '{"id": "\\ud800"}', '{"id": "\\ud83d\\ude00"}',
     '{"id": "\\u0000"}', '{"id": "a", "id": "b"}', "nonsense", '{"id": 1.50, "weight": 2.50}', '{"id": "a"}\r', '{"price": 1e2, "id": "q"}', '{"id": "q", "price": 10.370}',
     '{"id": "r", "price": 10.3700, "stock": 3.000}']
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    """Lines that mostly are of one shape, with few surprises in each file."""
    names = draw(st.lists(st.sampled_from(sorted(set(VALUES) - RARE)), unique=True, min_size=1, max_size=9))
    kinds = {name: draw(st.sampled_from(VALUES[name])) for name in ["id", *names]}
    wild = draw(st.booleans())

    def line() -> str:
        given = {name: draw(kind) for name, kind in kinds.items()}
        if wild and draw(st.integers(0, 4)) == 0:
            name = draw(st.sampled_from(sorted(VALUES)))
            given[name] = draw(st.sampled_from(VALUES[name]).flatmap(lambda kind: kind))
            given.pop(draw(st.sampled_from(sorted(given))))
        return json.dumps(given, ensure_ascii=draw(st.booleans()))

    count = draw(st.integers(1, 20))
    text = [draw(BROKEN) if wild and draw(st.integers(0, 9)) == 0 else line() for _ in range(count)]
    return "\n".join(text) + draw(st.sampled_from(["", "\n", "\n\n"]))


OPTIONS = st.sampled_from(
    [SHOP, Options(), Options(currency="PLN", columns={"id": "id", "brand": "price", "mpn": "id"})]
)


@given(files(), OPTIONS)
@example('{"id": "b", "title": "x", "price": 2}\n{"id": "a", "title": "x", "price": 2}', SHOP)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_ways_say_the_same(text: str, options: Options) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "main.jsonl"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        assert in_sets(path, options) == row_by_row(path, options)


def real_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in (".xml", ".csv", ".json", ".jsonl"))


def test_real_files_say_the_same(shared_data: Path) -> None:
    for path in real_files(shared_data):
        assert in_sets(path) == row_by_row(path), path.name
