"""Google Ads business data for dynamic remarketing, vertical ``flights``: CSV or tab-separated, UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, TSV
from rekindle.feeds.mapping import COMMON, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        flight_description="title",
        flight_price=COMMON["price"],
        flight_sale_price=COMMON["sale_price"],
        image_url="image_link",
        final_url="link",
    ),
    {"csv": CSV, "tsv": TSV},
)
