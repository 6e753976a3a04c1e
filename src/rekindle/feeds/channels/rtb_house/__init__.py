"""RTB House: XML of one ``<product>`` an item, or CSV; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, xml
from rekindle.feeds.mapping import mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(SPEC, category="product_type", producer="brand"),
    {"xml": xml("product", lambda _head: "<products>", "</products>\n"), "csv": CSV},
)
