"""Pinterest catalogue: tab-separated, CSV, or RSS 2.0 with the namespace ``g:``; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, RSS, TSV
from rekindle.feeds.mapping import BACKORDER_AS_STOCK, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(SPEC, availability=BACKORDER_AS_STOCK),
    {"tsv": TSV, "csv": CSV, "xml": RSS},
)
