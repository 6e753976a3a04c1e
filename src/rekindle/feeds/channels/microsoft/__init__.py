"""Microsoft Merchant Center: tab-delimited text without quotes; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import TXT
from rekindle.feeds.mapping import BACKORDER_AS_STOCK, NEW, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(SPEC, availability=BACKORDER_AS_STOCK, condition=NEW),
    {"txt": TXT},
)
