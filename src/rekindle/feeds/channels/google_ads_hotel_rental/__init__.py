"""Google Ads business data for dynamic remarketing, vertical ``hotel_rental``: CSV or tab-separated, UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, TSV
from rekindle.feeds.mapping import mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        property_name="title",
        description="rk_plain(description)",
        category="product_type",
        image_url="image_link",
        final_url="link",
    ),
    {"csv": CSV, "tsv": TSV},
)
