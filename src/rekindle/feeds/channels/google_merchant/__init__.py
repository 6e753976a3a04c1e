"""Google Merchant Center: RSS 2.0 with the namespace ``g:``, or tab-separated; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import RSS, TSV
from rekindle.feeds.mapping import images, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)
IDENTIFIER = """coalesce(attributes['identifier_exists'],
    CASE WHEN nullif(gtin, '') IS NULL AND nullif(mpn, '') IS NULL THEN 'no' END)"""

CHANNEL = Channel(
    SPEC, mapping(SPEC, identifier_exists=IDENTIFIER, additional_image_link=images(10)), {"xml": RSS, "tsv": TSV}
)
