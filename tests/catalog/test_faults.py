"""Planted faults: what is safe is repaired and said, the rest is refused or marked with its place."""

import codecs
import gzip
import html
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from rekindle.catalog import Options, Refused, Report, read_items, read_rows
from rekindle.catalog.row import Item

ITEM = "<item><g:id>{id}</g:id><title>{title}</title><g:price>10.00 PLN</g:price><link>https://shop.example/{id}</link></item>"


def feed(*items: str, head: str = '<?xml version="1.0" encoding="utf-8"?>', namespace: bool = True) -> str:
    declared = ' xmlns:g="http://base.google.com/ns/1.0"' if namespace else ""
    return f'{head}<rss version="2.0"{declared}><channel><title>Shop</title>{"".join(items)}</channel></rss>'


def one(title: str, identity: str = "1") -> str:
    return ITEM.format(id=identity, title=title)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report = Report()

    def read(self, content: str | bytes, kind: str = "auto", **options: object) -> list[Item]:
        path = self.folder / "input"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.report = Report()
        return list(read_items(path, kind, self.report, Options(**options)))  # type: ignore[arg-type]

    def refusal(self, content: str | bytes, kind: str = "auto", **options: object) -> str:
        with pytest.raises(Refused) as refused:
            self.read(content, kind, **options)
        assert refused.value.issue.remedy
        return refused.value.issue.code

    def codes(self) -> dict[str, int]:
        return {code: number for code, number in self.report.codes().items() if code != "kind"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "head", "code"),
    [
        ("utf-8", '<?xml version="1.0" encoding="utf-8"?>', None),
        ("utf-8-sig", "", None),
        ("utf-16", '<?xml version="1.0" encoding="utf-16"?>', "encoding"),
        ("utf-16-le", "", "encoding"),
        ("utf-16-be", '<?xml version="1.0" encoding="utf-16"?>', "encoding"),
        ("cp1250", '<?xml version="1.0" encoding="windows-1250"?>', "encoding"),
        ("cp1250", '<?xml version="1.0" encoding="utf-8"?>', "encoding-guessed"),
        ("cp1250", "", "encoding-guessed"),
        ("iso-8859-2", '<?xml version="1.0" encoding="utf-8"?>', "encoding-guessed"),
        ("utf-8", '<?xml version="1.0" encoding="windows-1250"?>', "encoding-is-utf8"),
    ],
)
def test_every_encoding_gives_the_same_texts(bench: Bench, encoding: str, head: str, code: str | None) -> None:
    titles = ["Zażółć gęślą jaźń", "Pokrowiec na sofę, różowy", "Łóżko dziecięce – świerk"]
    items = bench.read(
        feed(*[one(title, str(n)) for n, title in enumerate(titles)], head=head).encode(encoding, "ignore")
    )
    wanted = [title.encode(encoding, "ignore").decode(encoding) for title in titles]
    assert [item.product.title for item in items] == wanted
    assert not bench.report.incomplete
    if code is None:
        assert bench.codes().keys() <= {"encoding"}
    else:
        assert any(found.startswith(code) for found in bench.codes())


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Crème brûlée à la façon de grand-mère"),
        ("cp1251", "Женская одежда из кружева"),
        ("cp1250", "Žluťoučký kůň"),
    ],
)
def test_undeclared_code_pages_of_other_languages(bench: Bench, encoding: str, text: str) -> None:
    items = bench.read(
        f"id,title,link,image_link,availability\n1,{text},https://a.example/1,https://a.example/1.jpg,in stock\n".encode(
            encoding
        )
    )
    assert items[0].product.title == text


def test_utf8_cut_in_the_middle_of_a_character_stays_utf8(bench: Bench) -> None:
    good = feed(*[one(f"Zażółć {n}", str(n)) for n in range(30)]).encode()
    items = bench.read(good.replace("Zażółć 7<".encode(), "Zażó".encode() + b"\xc5<"))
    assert items[7].product.title == "Zażó\ufffd"
    assert items[8].product.title == "Zażółć 8"
    assert bench.codes() == {"damaged-characters": 1}


def test_double_encoded_texts_turn_back_and_ids_stay(bench: Bench) -> None:
    wrong = "Pokrowiec na sofę".encode().decode("cp1252", "replace").replace("\ufffd", "")
    items = bench.read(feed(one(wrong, "SofÄ™")))
    assert items[0].product.title == "Pokrowiec na sofę"
    assert items[0].product.id == "SofÄ™"
    assert bench.codes() == {"double-encoded": 1}


def test_real_accents_are_not_taken_for_double_encoding(bench: Bench) -> None:
    title = "SÃO PAULO Ärger Â° Ça coûte £5 – Łódź"
    assert bench.read(feed(one(title)))[0].product.title == title


def test_ampersands_entities_and_controls_are_mended(bench: Bench) -> None:
    body = one("Salt &amp; pepper") + one("A & B&C &nbsp;&eacute;&unknown;", "2") + one("x\x0by&#11;z", "3")
    body += one("<![CDATA[R&D &nbsp; <b>x</b>]]>", "4")
    items = bench.read(feed(body))
    assert [item.product.title for item in items] == [
        "Salt & pepper",
        "A & B&C \u00a0é&unknown;",
        "xyz",
        "R&D &nbsp; <b>x</b>",
    ]
    found = {issue.code: issue.value.split()[0] for issue in bench.report.issues if issue.code != "kind"}
    assert found == {"unescaped-ampersand": "3", "html-entity": "2", "control-character": "2"}


@pytest.mark.parametrize(
    "reference", ["&#x1;", "&#11;", "&#0;", "&#x0B;", "&#xD800;", "&#xFFFE;", "&#55296;", "&#x110000;"]
)
def test_a_reference_to_what_xml_forbids_is_mended_where_nothing_else_is_wrong(bench: Bench, reference: str) -> None:
    items = bench.read(feed(one(f"x{reference}y") + one("z", "2")))
    assert [item.product.title for item in items] == ["xy", "z"]
    assert bench.codes() == {"control-character": 1}


@pytest.mark.parametrize(
    "reference", ["&#9;", "&#x20;", "&#322;", "&#x142;", "&#x1F600;", "&#128512;", "&#00105;", "&#x0000069;"]
)
def test_other_references_are_read_as_they_are(bench: Bench, reference: str) -> None:
    items = bench.read(feed(one(f"x{reference}y")))
    assert items[0].product.title == html.unescape(f"x{reference}y")
    assert "control-character" not in bench.codes()


def test_mending_works_across_blocks(bench: Bench) -> None:
    texts = [f"{'x' * (n * 7)} A&B <![CDATA[C&D]]> &nbsp;" for n in range(800)]
    items = bench.read(feed(*[one(text, str(n)) for n, text in enumerate(texts)]))
    wanted = [f"{'x' * (n * 7)} A&B C&D" for n in range(800)]
    assert [item.product.title.strip() for item in items] == [text.strip() for text in wanted]


def test_a_missing_namespace_is_declared(bench: Bench) -> None:
    items = bench.read(feed(one("A"), namespace=False))
    assert [item.product.id for item in items] == ["1"]
    assert items[0].product.price == Decimal("10.00")
    assert bench.codes() == {"namespace-missing": 1}


def test_a_wrong_namespace_reads_all_the_same(bench: Bench) -> None:
    text = feed(one("A")).replace("http://base.google.com/ns/1.0", "https://base.google.com/cns/1.0")
    assert bench.read(text)[0].product.id == "1"


def test_atom(bench: Bench) -> None:
    items = bench.read(
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title><entry>'
        '<id>tag:shop,1</id><g:id>A1</g:id><title>T</title><link href="https://shop.example/1"/><summary>S</summary>'
        "<g:price>5 EUR</g:price><g:shipping><g:country>PL</g:country><g:price>9 PLN</g:price></g:shipping></entry></feed>"
    )
    product = items[0].product
    assert (product.id, product.link, product.description) == ("A1", "https://shop.example/1", "S")
    assert product.attributes["shipping"] == "PL:::9 PLN"


@pytest.mark.parametrize(
    "trick",
    [
        '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE rss SYSTEM "http://127.0.0.1/evil.dtd">',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss PUBLIC "x" "http://127.0.0.1/x">',
    ],
)
def test_document_types_are_refused(bench: Bench, trick: str) -> None:
    assert bench.refusal(trick + feed(one("&b;"), head="")) == "xml-entities"


def test_xml_that_breaks_in_the_middle(bench: Bench) -> None:
    items = bench.read(feed(one("A"), "<item><g:id>2</g:wrong></item>", one("C", "3")))
    assert [item.product.id for item in items] == ["1"]
    assert bench.report.incomplete


@pytest.mark.parametrize("cut", [5, 60, 150, 200])
def test_xml_cut_anywhere_is_incomplete(bench: Bench, cut: int) -> None:
    items = bench.read(feed(one("A"), one("B", "2"))[:-cut])
    assert len(items) <= 2
    assert bench.report.incomplete


def test_packed_input(bench: Bench) -> None:
    plain = feed(one("A")).encode()
    assert len(bench.read(gzip.compress(plain))) == 1
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("__MACOSX/._feed.xml", b"x" * 9000)
        out.writestr("readme.txt", b"hello")
        out.writestr("feed.xml", plain)
    assert len(bench.read(archive.getvalue())) == 1
    assert bench.codes() == {"zip-extra-files": 1}


def test_bombs_stop_early(bench: Bench) -> None:
    assert bench.refusal(gzip.compress(bytes(80 << 20))) == "packed-bomb"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators(bench: Bench, delimiter: str, end: str) -> None:
    rows = [["id", "title", "link", "image_link", "availability", "price"]]
    rows += [
        [f"A{n}", f'"Title {delimiter} {n}"', "https://x.example/", "https://x.example/i", "in stock", "9.99 PLN"]
        for n in range(3)
    ]
    items = bench.read(codecs.BOM_UTF8 + end.join(delimiter.join(row) for row in rows).encode())
    assert [(item.product.id, item.product.title) for item in items] == [
        (f"A{n}", f"Title {delimiter} {n}") for n in range(3)
    ]


def test_ragged_rows_are_left_out_and_named(bench: Bench) -> None:
    items = bench.read("id,title,price\n1,A,5 PLN\n2,B,unquoted, comma,5 PLN\n3,C\n4,D,6 PLN,\n5,E,7 PLN\n")
    assert [item.product.id for item in items] == ["1", "4", "5"]
    assert [(issue.row, issue.value[:7]) for issue in bench.report.issues if issue.code == "ragged-row"] == [
        (3, "5 cells"),
        (4, "2 cells"),
    ]
    assert not bench.report.incomplete


def test_an_unclosed_quote_cuts_the_table_short(bench: Bench) -> None:
    items = bench.read('id,title,price\n1,A,5 PLN\n2,"B,5 PLN\n3,C,5 PLN\n4,D,5 PLN\n')
    assert [item.product.id for item in items] == ["1"]
    assert bench.report.incomplete
    issue = next(issue for issue in bench.report.issues if issue.code == "table-truncated")
    assert issue.row == 3


def test_a_column_mapping(bench: Bench) -> None:
    content = "Kod;Nazwa;Cena brutto;Adres\nX-1;Lampa;1 234,50;/lampa\n"
    items = bench.read(
        content,
        "csv",
        columns={"id": "Kod", "title": "Nazwa", "price": "Cena brutto", "link": "Adres"},
        currency="PLN",
        link_base="https://shop.example/pl/",
    )
    product = items[0].product
    assert (product.id, product.price, product.currency) == ("X-1", Decimal("1234.50"), "PLN")
    assert product.link == "https://shop.example/lampa"
    assert bench.refusal(content, "csv", columns={"id": "SKU"}) == "columns-missing"
    assert bench.refusal(content, "csv", columns={"colour of id": "Kod"}) == "columns-unknown-field"
    assert bench.refusal("a;b\n1;2\n", "csv") == "no-id-column"
    assert bench.refusal(content, "nonsense") == "unknown-kind"


def test_items_that_cannot_be_used_are_named(bench: Bench) -> None:
    items = bench.read(
        "id,title,price,availability,quantity\n"
        ",No id,5 PLN,in stock,1\n"
        "2,Bad price,five,in stock,1\n"
        "3,Free,0 PLN,in stock,1\n"
        "4,Odd,5 PLN,perhaps,many\n"
        " 5 ,Spaced,5 PLN,in stock,1\n"
    )
    assert [item.product.id for item in items] == ["2", "3", "4", "5"]
    found = {(issue.row, issue.code, issue.severity) for issue in bench.report.issues}
    assert {
        (2, "no-id", "error"),
        (3, "price-unreadable", "warning"),
        (4, "price-not-positive", "warning"),
        (5, "availability-unknown", "warning"),
        (5, "quantity-unreadable", "warning"),
        (6, "id-trimmed", "note"),
    } <= found


def test_broken_json_lines(bench: Bench) -> None:
    items = bench.read('{"id": "1", "title": "A"}\n{"id": "2", broken}\n[1]\n{"id": "3", "title": "C"}\n')
    assert [item.product.id for item in items] == ["1", "3"]
    assert bench.codes()["json-broken"] == 2
    assert not bench.report.incomplete
    bench.read('{"id": "1", "title": "A"}\n{"id": "2", "tit')
    assert bench.report.incomplete


def test_json_numbers_and_nested_objects_keep_their_text(bench: Bench) -> None:
    line = '{"id": 12345678901234567890, "title": "A", "price": {"amount": 19.90, "currency": "EUR"}, "tags": ["x", "y"], "made": {"in": "PL"}}\n'
    product = bench.read(line)[0].product
    assert product.id == "12345678901234567890"
    assert str(product.price) == "19.90"
    assert product.currency == "EUR"
    assert product.attributes == {"tags": "x, y", "made.in": "PL"}


def test_a_json_list_cut_short(bench: Bench) -> None:
    whole = '{"products": [{"id": "1", "title": "A"}, {"id": "2", "title": "B"}]}'
    assert len(bench.read(whole)) == 2
    assert not bench.report.incomplete
    assert [item.product.id for item in bench.read(whole[:-12])] == ["1"]
    assert bench.report.incomplete


def test_raw_rows_are_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(
        feed(
            one("A").replace(
                "</item>",
                "<g:additional_image_link>a</g:additional_image_link><g:additional_image_link>b</g:additional_image_link></item>",
            )
        )
    )
    (row,) = read_rows(path, "google_feed")
    assert row.number == 1
    assert row.values["price"] == "10.00 PLN"
    assert row.values["additional_image_link"] == ["a", "b"]


def test_reports_stay_small(bench: Bench) -> None:
    bench.read("id,title,price\n" + "".join(f"{n},T,bad\n" for n in range(1000)))
    assert bench.codes()["price-unreadable"] == 1000
    assert sum(issue.code == "price-unreadable" for issue in bench.report.issues) == 100


def test_woocommerce_variations_borrow_from_their_parent(bench: Bench) -> None:
    items = bench.read(
        'ID,Type,SKU,Name,Published,"Visibility in catalog",Description,"In stock?","Regular price",Categories,Images,Parent,"Attribute 1 name","Attribute 1 value(s)"\n'
        "11,variation,,,1,visible,,1,50,,,id:10,Color,Red\n"
        '10,variable,SH,Shirt,1,visible,Soft,1,,"Wear > Shirts, Sale",https://x.example/a.jpg,,Color,"Red, Blue"\n',
        link_base="https://shop.example",
        currency="EUR",
    )
    (item,) = items
    product = item.product
    assert (product.id, product.title, product.group_id, product.color) == ("11", "Shirt", "10", "Red")
    assert (product.description, product.product_type) == ("Soft", "Wear > Shirts")
    assert product.image_link == "https://x.example/a.jpg"
    assert product.link == "https://shop.example/?p=11"


def test_magento_configurables_lend_to_their_variants(bench: Bench) -> None:
    items = bench.read(
        "sku,attribute_set_code,product_type,name,price,qty,is_in_stock,product_online,url_key,base_image,additional_attributes,configurable_variations\n"
        'S-1,Top,simple,Shirt Blue,10,4,1,1,shirt-blue,/b.jpg,"color=Blue,size=XS",\n'
        "S-2,Top,simple,Shirt Red,10,0,0,2,shirt-red,/r.jpg,,\n"
        'S,Top,configurable,Shirt,,0,1,1,shirt,/s.jpg,,"sku=S-1,color=Blue|sku=S-2,color=Red"\n',
        link_base="https://shop.example",
    )
    (item,) = items
    product = item.product
    assert (product.id, product.group_id, product.color, product.size) == ("S-1", "S", "Blue", "XS")
    assert product.link == "https://shop.example/shirt.html"
    assert product.image_link == "https://shop.example/media/catalog/product/b.jpg"


def test_shopify_ids_follow_a_template(bench: Bench) -> None:
    content = (
        '{"products": [{"id": 7, "title": "Cap", "handle": "cap", "variants": [{"id": 70, "title": "Default Title", '
        '"price": "8.00", "compare_at_price": "10.00", "available": false, "sku": "C-1"}], "options": [], "images": []}]}'
    )
    options = {"currency": "PLN", "link_base": "https://shop.example"}
    product = bench.read(content, **options, extra={"id": "shopify_PL_{product_id}_{variant_id}"})[0].product
    assert product.id == "shopify_PL_7_70"
    assert (product.price, product.sale_price, product.availability) == (
        Decimal("10.00"),
        Decimal("8.00"),
        "out_of_stock",
    )
    assert product.link == "https://shop.example/products/cap?variant=70"
