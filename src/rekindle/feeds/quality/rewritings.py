"""Why an id that the page sends is in no feed: the rewritings that are known of shop systems, and what lies beside them.

Two ids are brought to their stems: what is left without a rewriting. Two that share a stem are the same item, written
otherwise; a guess (``SKU_8``) proves that only against a whole id, because A_1 and B_1 share their end by chance.
"""

from __future__ import annotations

import duckdb

from rekindle.feeds import _sql

SHOPIFY = r"^shopify_[a-z]{2}_([0-9]+)_([0-9]+)$"
KNOWN_HEADS = ("gla_", "wc_post_id_")
_HEADS = 5
_TAIL = r"^(.+)_([0-9]+)$"

CODES = ("excluded", "blanks", "case", "shopify", "prefix", "zeros", "suffix", "group", "field", "removed", "unknown")
"""Why an id misses, in the order in which it is looked for."""

# Forms that may meet: what the page's id is, what the feed's is, and the code that this means.
_MEETINGS = (
    ("shopify", "plain", "shopify"), ("plain", "shopify", "shopify"), ("shopify", "shopify", "shopify"),
    ("prefix", "plain", "prefix"), ("plain", "prefix", "prefix"), ("prefix", "prefix", "prefix"),
    ("zeros", "zeros", "zeros"), ("suffix", "plain", "suffix"), ("plain", "suffix", "suffix"),
)  # fmt: skip


def explain_misses(engine: duckdb.DuckDBPyConnection, products: str, earlier: list[str]) -> None:
    """Fill ``rk_why`` (``item_id``, ``code``, ``detail``, ``id``, ``_id``): one row for each id of ``rk_left``.

    ``rk_left`` has the missing ids (``item_id``, ``events``), ``rk_feed`` the feed's items (``id``, ``_id``), ``rk_out``
    what was kept out (``id``, ``_id``). ``products`` is the catalogue, ``earlier`` relations of ids that versions before
    published. ``id`` and ``_id`` are what the feed and the catalogue call the item, NULL where that is not known;
    ``detail`` says how: the forms of a meeting (``shopify|plain``), or the field that the page sends.
    """
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE rk_why (item_id VARCHAR, code VARCHAR, detail VARCHAR, id VARCHAR, _id VARCHAR)"
    )
    _take(
        engine,
        "excluded",
        "SELECT l.item_id, '' AS detail, o.id, o._id FROM {left} l JOIN rk_out o ON o.id = l.item_id",
    )
    _take(engine, "blanks", _alike("trim({})"))
    _take(engine, "case", _alike("lower(trim({}))"))
    _stems(engine)
    for of_page, of_feed, code in _MEETINGS:
        _take(
            engine, code,
            f"SELECT l.item_id, '{of_page}|{of_feed}' AS detail, f.id, f._id FROM rk_page_stems l "
            "JOIN rk_feed_stems f ON f.stem = l.stem JOIN {left} m ON m.item_id = l.item_id "
            f"WHERE l.form = '{of_page}' AND f.form = '{of_feed}'",
        )  # fmt: skip
    _take(
        engine, "group",
        "SELECT l.item_id, '' AS detail, f.id, f._id FROM {left} l "
        f"JOIN (SELECT id AS _id, group_id FROM {products} WHERE group_id <> id) p ON p.group_id = l.item_id "
        "JOIN rk_feed f USING (_id)",
    )  # fmt: skip
    _take(engine, "field", _in_a_field(products))
    for relation in earlier:
        _take(
            engine,
            "removed",
            f"SELECT item_id, '' AS detail, NULL AS id, NULL AS _id FROM {{left}} SEMI JOIN ({relation}) r ON r.id = item_id",
        )
    _take(engine, "unknown", "SELECT item_id, '' AS detail, NULL AS id, NULL AS _id FROM {left}")


def _take(engine: duckdb.DuckDBPyConnection, code: str, query: str) -> None:
    """Give the code to the ids that have none yet and are in the query, each to its first meeting."""
    left = "(SELECT * FROM rk_left ANTI JOIN rk_why USING (item_id))"
    engine.execute(
        f"INSERT INTO rk_why SELECT item_id, '{code}', first(detail ORDER BY _id), first(id ORDER BY _id), min(_id) "
        f"FROM ({query.format(left=left)}) GROUP BY item_id"
    )


def _alike(form: str) -> str:
    return (
        "SELECT l.item_id, '' AS detail, f.id, f._id FROM {left} l "
        f"JOIN rk_feed f ON {form.format('f.id')} = {form.format('l.item_id')}"
    )


def _stems(engine: duckdb.DuckDBPyConnection) -> None:
    """Make ``rk_page_stems`` (``item_id``) and ``rk_feed_stems`` (``id``, ``_id``), each with ``form`` and ``stem``."""
    left = "(SELECT item_id FROM rk_left ANTI JOIN rk_why USING (item_id))"
    heads = {
        *KNOWN_HEADS,
        *_heads(engine, f"SELECT item_id AS id FROM {left}"),
        *_heads(engine, "SELECT id FROM rk_feed"),
    }
    engine.execute(f"CREATE OR REPLACE TEMP TABLE rk_page_stems AS {_forms(left, 'item_id', ('item_id',), heads)}")
    engine.execute(f"CREATE OR REPLACE TEMP TABLE rk_feed_stems AS {_forms('rk_feed', 'id', ('id', '_id'), heads)}")


def _heads(engine: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Return what a fifth of the ids or more begin with before their first digit: ``pl:``, ``product-``."""
    head = r"regexp_extract(lower(id), '^([^0-9]*[^0-9a-z])[0-9]', 1)"
    rows = engine.execute(
        f"SELECT head FROM (SELECT {head} AS head, count(*) OVER () AS every FROM ({relation})) WHERE head <> '' "
        f"GROUP BY head, every HAVING count(*) * {_HEADS} >= every ORDER BY head"
    )
    return [str(head) for (head,) in rows.fetchall()]


def _forms(table: str, column: str, names: tuple[str, ...], heads: set[str]) -> str:
    own, low = ", ".join(names), f"lower({column})"
    shopify, tail = _sql.text(SHOPIFY), _sql.text(_TAIL)

    def part(pattern: str, number: int) -> str:
        return f"regexp_extract({low}, {pattern}, {number})"

    parts = f"[{part(shopify, 2)}, {part(shopify, 1)} || '_' || {part(shopify, 2)}, {part(shopify, 1)}]"
    selects = [
        f"SELECT {own}, 'plain' AS form, {low} AS stem FROM {table}",
        f"SELECT {own}, 'shopify', unnest({parts}) FROM {table} WHERE regexp_matches({low}, {shopify})",
        f"SELECT {own}, 'zeros', ltrim({low}, '0') FROM {table} WHERE regexp_matches({low}, '^[0-9]+$')",
        f"SELECT {own}, 'suffix', unnest([{part(tail, 1)}, {part(tail, 2)}]) FROM {table} WHERE regexp_matches({low}, {tail})",
    ]
    selects += [
        f"SELECT {own}, 'prefix', substr({low}, {len(head) + 1}) FROM {table} WHERE starts_with({low}, {_sql.text(head)})"
        for head in sorted(heads)
    ]
    return " UNION ALL ".join(selects)


def _in_a_field(products: str) -> str:
    """Return ids that are another field of an item: its GTIN, its number, whatever its source says."""
    pairs = (
        f"SELECT id AS _id, 'gtin' AS name, gtin AS value FROM {products} UNION ALL "
        f"SELECT id, 'mpn', mpn FROM {products} UNION ALL "
        f"SELECT id, 'source.' || e.key, e.value FROM (SELECT id, unnest(map_entries(attributes)) AS e FROM {products})"
    )
    return (
        f"SELECT l.item_id, p.name AS detail, f.id, f._id FROM ({pairs}) p "
        "JOIN {left} l ON l.item_id = p.value JOIN rk_feed f USING (_id)"
    )
