"""Which rule would make a feed's ids those that the page sends; each is tried on the same catalogue and the same events."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import msgspec

from rekindle.feeds.program import Program, compile_feed
from rekindle.feeds.quality._loading import one
from rekindle.feeds.rules import RuleError
from rekindle.workspace import Feed, FeedRule

_SAMPLE = 2000
_TRIED = 3
_LEAST = 0.01
"""A rule that gains less of the events is not worth a change."""
_OTHER_PARTS = ("mpn", "gtin", "group_id", "source.sku", "source.id", "source.product_id", "source.post_id")
"""Where the other half of ``SKU_8`` may stand."""


class Fix(msgspec.Struct, frozen=True):
    """A rule to put at the end of a feed, and the share of events (0 to 1) whose ids match before and after it."""

    rule: FeedRule
    toml: str
    before: float
    after: float


def propose(engine: duckdb.DuckDBPyConnection, feed: Feed, products: str, before: float) -> Fix | None:
    """Return the rule that gains most, or None where none does. Needs the tables of `rewritings.explain_misses`.

    A rule that would give two items one id is never proposed.
    """
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rk_sample AS SELECT _id FROM (SELECT w._id, sum(l.events) AS events "
        f"FROM rk_why w JOIN rk_left l USING (item_id) WHERE w._id IS NOT NULL GROUP BY w._id) "
        f"ORDER BY events DESC, _id LIMIT {_SAMPLE}"
    )
    sample = f"(SELECT * FROM {products} WHERE id IN (SELECT _id FROM rk_sample))"
    tried: dict[str, tuple[int, FeedRule]] = {}
    for rule in candidates(engine):
        program = _compiled(feed, rule)
        if program is not None and (gain := _events(engine, _ids(program, sample))) > 0:
            tried.setdefault(as_toml(rule), (gain, rule))
    best: Fix | None = None
    for toml, (_gain, rule) in sorted(tried.items(), key=lambda each: -each[1][0])[:_TRIED]:
        program = _compiled(feed, rule)
        assert program is not None
        engine.execute(f"CREATE OR REPLACE TEMP TABLE rk_tried AS {_ids(program, products)}")
        if one(engine, "SELECT count(*) <> count(DISTINCT id) FROM rk_tried"):
            continue
        after = float(one(engine, _SHARE.format("rk_tried")) or 0)
        if after - before >= _LEAST and (best is None or after > best.after):
            best = Fix(rule, toml, before, after)
    return best


_SHARE = (
    "SELECT sum(CASE WHEN item_id IN (SELECT id FROM {}) THEN views + carts + purchases ELSE 0 END) "
    "/ sum(views + carts + purchases) FROM rk_seen"
)


def share(engine: duckdb.DuckDBPyConnection, table: str) -> float:
    """Return the share of events whose id is in a table's ``id``, 0 to 1."""
    return float(one(engine, _SHARE.format(table)) or 0)


def _compiled(feed: Feed, rule: FeedRule) -> Program | None:
    try:
        return compile_feed(msgspec.structs.replace(feed, rule=[*feed.rule, rule]))
    except RuleError:
        return None


def _ids(program: Program, products: str) -> str:
    """Return the ids (``id``) that items published now would have; a channel takes none that are too long."""
    longest = program.channel.spec.find("id").max_length
    fits = f" AND length(id) <= {longest}" if longest is not None else ""
    cleaned = program.cleaned(program.ruled(program.mapped(products)))
    return f"SELECT id FROM ({cleaned}) SEMI JOIN rk_feed USING (_id) WHERE id IS NOT NULL AND _rule IS NULL{fits}"


def _events(engine: duckdb.DuckDBPyConnection, ids: str) -> int:
    return int(one(engine, f"SELECT sum(events) FROM rk_left SEMI JOIN ({ids}) i ON i.id = rk_left.item_id") or 0)


def candidates(engine: duckdb.DuckDBPyConnection) -> Iterator[FeedRule]:
    """Yield the rules that may help, by why ids miss."""
    found = engine.execute(
        "SELECT DISTINCT code, detail FROM rk_why WHERE code NOT IN ('excluded', 'group', 'removed', 'unknown') ORDER BY ALL"
    ).fetchall()
    for code, detail in found:
        match code:
            case "blanks":
                yield _replace(r"^\s+|\s+$", "")
            case "case":
                yield from (FeedRule(do="case", attribute="id", value=value) for value in ("lower", "upper"))
            case "shopify":
                yield from _shopify(engine, detail)
            case "prefix":
                yield from _prefixes(engine, detail)
            case "zeros":
                yield _replace("^0+", "")
                for width in _top(engine, "CAST(length(w.item_id) AS VARCHAR)", code, detail):
                    yield FeedRule(do="pad", attribute="id", value=width)
            case "suffix":
                yield from _suffixes(detail)
            case "field":
                yield _template(f"{{{detail}}}")


def _shopify(engine: duckdb.DuckDBPyConnection, detail: str) -> Iterator[FeedRule]:
    of_page, of_feed = detail.split("|")
    if of_page == "plain":
        yield _replace(r"^[Ss]hopify_[A-Za-z]{2}_[0-9]+_", "")
        yield _replace(r"^[Ss]hopify_[A-Za-z]{2}_", "")
        yield _replace(r"^[Ss]hopify_[A-Za-z]{2}_([0-9]+)_[0-9]+$", r"\1")
        return
    for head in _top(engine, r"regexp_extract(w.item_id, '^([A-Za-z]+_[A-Za-z]{2}_)', 1)", "shopify", detail):
        if of_feed == "shopify":
            yield _replace(r"^[Ss]hopify_[A-Za-z]{2}_", head)
            continue
        yield _template(f"{head}{{id}}")
        for group in ("group_id", "source.product_id", "source.parent_id"):
            yield _template(f"{head}{{{group}}}_{{id}}")


def _prefixes(engine: duckdb.DuckDBPyConnection, detail: str) -> Iterator[FeedRule]:
    of_page, of_feed = detail.split("|")

    def head(of: str, other: str, plain: bool) -> str:
        # Beside a whole id the head is what is longer; beside another head it is what comes before the digits.
        long = f"left(w.{of}, length(w.{of}) - length(w.{other}))"
        return long if plain else f"regexp_extract(w.{of}, '^([^0-9]*[^0-9A-Za-z])', 1)"

    pages = _top(engine, head("item_id", "id", of_feed == "plain"), "prefix", detail) if of_page == "prefix" else [""]
    feeds = _top(engine, head("id", "item_id", of_page == "plain"), "prefix", detail) if of_feed == "prefix" else [""]
    for old in feeds:
        for new in pages:
            if old:
                yield _replace(f"^{re.escape(old)}", new.replace("\\", "\\\\"))
            elif new:
                yield _template(f"{new}{{id}}")


def _suffixes(detail: str) -> Iterator[FeedRule]:
    if detail == "plain|suffix":
        yield _replace("_[0-9]+$", "")
        yield _replace("^.*_([0-9]+)$", r"\1")
        return
    for name in _OTHER_PARTS:
        yield _template(f"{{{name}}}_{{id}}")
        yield _template(f"{{id}}_{{{name}}}")


def _top(engine: duckdb.DuckDBPyConnection, value: str, code: str, detail: str) -> list[str]:
    """Return the three commonest values among the misses of a kind that a rule can hold."""
    rows = engine.execute(
        f"SELECT {value} AS value FROM rk_why w JOIN rk_left l USING (item_id) "
        f"WHERE w.code = '{code}' AND w.detail = '{detail}' AND value <> '' AND NOT regexp_matches(value, '[{{}}]') "
        f"GROUP BY value ORDER BY sum(l.events) DESC, value LIMIT {_TRIED}"
    )
    return [str(value) for (value,) in rows.fetchall()]


def _template(value: str) -> FeedRule:
    return FeedRule(do="template", attribute="id", value=value)


def _replace(find: str, value: str) -> FeedRule:
    return FeedRule(do="replace", attribute="id", find=find, value=value)


def as_toml(rule: FeedRule) -> str:
    """Return the rule as it stands in a feed's file."""
    lines = [
        f"{name} = {msgspec.json.encode(value).decode()}"
        for name, value in msgspec.to_builtins(rule).items()
        if value not in (None, [], {})
    ]
    return "\n".join(["[[rule]]", *lines]) + "\n"
