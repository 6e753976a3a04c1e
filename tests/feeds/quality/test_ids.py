"""The id-match report: byte-equal, rewritings of shops recognised, and a rule proposed whose effect is what comes true."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec
import pytest

from rekindle.feeds.quality.ids import IdCheck, IdReport
from rekindle.model.ports import ItemSeen, PriceSeen
from rekindle.workspace import Feed, FeedRule
from tests.feeds.conftest import META, product, shop


class Seen:
    """A sightings port that a test fills."""

    def __init__(self, items: Sequence[ItemSeen] = (), prices: Sequence[PriceSeen] = ()) -> None:
        self.rows, self.seen_prices = list(items), list(prices)

    def items(self, workspace: str, since_ms: int) -> Iterator[ItemSeen]:
        return iter([each for each in self.rows if each.last_ms >= since_ms] if workspace == "shop" else [])

    def prices(self, workspace: str, since_ms: int, item_ids: Collection[str] | None = None) -> Iterator[PriceSeen]:
        found = [each for each in self.seen_prices if each.last_ms >= since_ms] if workspace == "shop" else []
        return iter([each for each in found if item_ids is None or each.item_id in item_ids])


@pytest.fixture
def check(builder, database, blobs, shelf, clock):
    def run(feed: Feed, products, seen: Sequence[str | tuple[str, int]]) -> IdReport:
        """Publish the products, let the tag see the ids (with so many views), and report."""
        rows = [
            ItemSeen(each[0], each[1], 0, 0, clock.now_ms) if isinstance(each, tuple) else ItemSeen(each, 1, 0, 0, clock.now_ms)
            for each in seen
        ]  # fmt: skip
        snapshot = shelf.put(*products)
        version = builder.build(shop(main=feed), "main")
        assert version.held_reason is None
        return IdCheck(database, blobs, Seen(rows)).report(feed, version, snapshot, clock())

    return run


def codes(report: IdReport) -> dict[str, tuple[str, str]]:
    return {miss.item_id: (miss.code, miss.feed_id) for miss in report.misses}


def test_each_reason_is_told_with_the_id_that_the_feed_has(check, builder, shelf, blobs, database, clock) -> None:
    feed = Feed(channel="meta", rule=[FeedRule(do="exclude", when="brand = 'Hidden'")])
    check(feed, [product("OLD"), *(product(str(n)) for n in range(100, 106))], [])
    report = check(
        feed,
        [
            product("shopify_PL_11_22"), product("gla_77"), product("SOFA_8"), product("AB-1"), product("HID", brand="Hidden"),
            product("NOLINK", link=None), product("V1", group_id="G1"), product("V2", group_id="G1"), product("00450"),
            product("M1", mpn="MPN-5"), product("A1", attributes={"sku": "SKU:9"}),
            *(product(str(n)) for n in range(100, 106)),
        ],
        [
            "AB-1", "ab-1", " AB-1", "22", "11_22", "shopify_US_11_22", "77", "wc_post_id_77", "wc_post_id_103", "gla_104",
            "CHAIR_105", "8", "SOFA", "HID", "NOLINK", "G1", "450", "MPN-5", "SKU:9", "OLD", "nothing", "żółw",
        ],
    )  # fmt: skip
    assert codes(report) == {
        " AB-1": ("blanks", "AB-1"), "ab-1": ("case", "AB-1"),
        "22": ("shopify", "shopify_PL_11_22"), "11_22": ("shopify", "shopify_PL_11_22"),
        "shopify_US_11_22": ("shopify", "shopify_PL_11_22"),
        "77": ("prefix", "gla_77"), "wc_post_id_77": ("prefix", "gla_77"), "wc_post_id_103": ("prefix", "103"),
        "gla_104": ("prefix", "104"), "CHAIR_105": ("suffix", "105"),
        "8": ("suffix", "SOFA_8"), "SOFA": ("suffix", "SOFA_8"), "HID": ("excluded", "HID"), "NOLINK": ("excluded", "NOLINK"),
        "G1": ("group", "V1"), "450": ("zeros", "00450"), "MPN-5": ("field", "M1"), "SKU:9": ("field", "A1"),
        "OLD": ("removed", ""), "nothing": ("unknown", ""), "żółw": ("unknown", ""),
    }  # fmt: skip
    assert (report.ids, report.matched_ids, report.events, report.matched_events) == (22, 1, 22, 1)
    assert sum(report.reasons.values()) == 21


NUMBERS = [str(number) for number in range(1000, 1040)]


@pytest.mark.parametrize(
    ("ids", "seen", "more", "rule"),
    [
        ("{}", "gla_{}", {}, FeedRule(do="template", attribute="id", value="gla_{id}")),
        ("gla_{}", "{}", {}, FeedRule(do="replace", attribute="id", find="^gla_", value="")),
        ("wc_post_id_{}", "gla_{}", {}, FeedRule(do="replace", attribute="id", find="^wc_post_id_", value="gla_")),
        ("{}", "online:pl:PL:{}", {}, FeedRule(do="template", attribute="id", value="online:pl:PL:{id}")),
        ("{}", "shopify_PL_7{}_{}", {"group_id": "7{}"}, FeedRule(do="template", attribute="id", value="shopify_PL_{group_id}_{id}")),
        ("shopify_PL_7{}_{}", "{}", {}, FeedRule(do="replace", attribute="id", find="^[Ss]hopify_[A-Za-z]{2}_[0-9]+_", value="")),
        ("shopify_PL_7{}_{}", "7{}_{}", {}, FeedRule(do="replace", attribute="id", find="^[Ss]hopify_[A-Za-z]{2}_", value="")),
        ("{}", "SKU{}_{}", {"mpn": "SKU{}"}, FeedRule(do="template", attribute="id", value="{mpn}_{id}")),
        ("SKU{}_{}", "{}", {}, FeedRule(do="replace", attribute="id", find="^.*_([0-9]+)$", value="\\1")),
        ("Ab-{}", "ab-{}", {}, FeedRule(do="case", attribute="id", value="lower")),
        ("ab-{}", "AB-{}", {}, FeedRule(do="case", attribute="id", value="upper")),
        ("{}", "00{}", {}, FeedRule(do="pad", attribute="id", value="6")),
        ("00{}", "{}", {}, FeedRule(do="replace", attribute="id", find="^0+", value="")),
        ("v{}x", "59012{}7", {"gtin": "59012{}7"}, FeedRule(do="template", attribute="id", value="{gtin}")),
        ("v{}x", "S/{}", {"attributes": "S/{}"}, FeedRule(do="template", attribute="id", value="{source.sku code}")),
    ],
)  # fmt: skip
def test_a_known_rewriting_gets_a_rule_that_does_what_it_says(check, ids, seen, more, rule) -> None:
    def named(pattern: str, number: str) -> str:
        return pattern.replace("{}", number)

    def filled(number: str) -> dict[str, object]:
        return {
            name: {"sku code": named(value, number)} if name == "attributes" else named(value, number)
            for name, value in more.items()
        }

    products = [product(named(ids, number), **filled(number)) for number in NUMBERS]
    # One page in forty sends the feed's own ids, one something else.
    tags = [named(seen, number) for number in NUMBERS[2:]] + [named(ids, NUMBERS[0]), "nowhere"]
    report = check(META, products, tags)
    assert report.share == pytest.approx(1 / 40)
    assert report.fix is not None
    assert report.fix.rule == rule
    assert report.fix.before == pytest.approx(1 / 40)
    assert report.fix.after == pytest.approx(38 / 40)
    mended = msgspec.structs.replace(META, rule=[rule])
    after = check(mended, products, tags)
    assert after.share == pytest.approx(report.fix.after), "what was promised came true"


def test_no_rule_is_proposed_that_gives_two_items_one_id(check) -> None:
    products = [product(f"shopify_PL_7_{number}") for number in NUMBERS]
    report = check(META, products, ["7"])
    assert codes(report)["7"][0] == "shopify"
    assert report.fix is None
    grouped = [product(number, group_id="G") for number in NUMBERS]
    report = check(META, grouped, ["G"])
    assert codes(report)["G"][0] == "group"
    assert report.fix is None


def test_nothing_seen_has_no_share_and_events_weigh(check) -> None:
    report = check(META, [product("A"), product("B")], [])
    assert (report.share, report.reasons, report.fix) == (None, {}, None)
    report = check(META, [product("A"), product("B")], [("A", 9), ("x", 1)])
    assert report.share == 0.9
    assert report.reasons == {"unknown": 1}


def test_the_rule_as_toml_reads_back(check, tmp_path) -> None:
    import tomllib

    report = check(META, [product(number) for number in NUMBERS], [f"gla_{number}" for number in NUMBERS])
    assert report.fix is not None
    (read,) = tomllib.loads(report.fix.toml)["rule"]
    assert msgspec.convert(read, FeedRule) == report.fix.rule
