"""OpenAI product feed: CSV, tab-separated, or JSON Lines; UTF-8. Who sells comes from the source or from rules."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, JSON_LINES, TSV
from rekindle.feeds.mapping import mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        inventory_quantity="CAST(quantity AS VARCHAR)",
        product_category="product_type",
        weight="shipping_weight",
        enable_search="coalesce(attributes['enable_search'], 'true')",
        enable_checkout="coalesce(attributes['enable_checkout'], 'false')",
        availability="CASE availability WHEN 'backorder' THEN 'in_stock' ELSE availability END",
    ),
    {"csv": CSV, "tsv": TSV, "jsonl": JSON_LINES},
)
