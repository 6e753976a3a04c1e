"""Google Ads business data for dynamic remarketing, vertical ``education``: CSV or tab-separated, UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, TSV
from rekindle.feeds.mapping import mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        program_name="title",
        program_description="rk_plain(description)",
        image_url="image_link",
        final_url="link",
        school_name="brand",
    ),
    {"csv": CSV, "tsv": TSV},
)
