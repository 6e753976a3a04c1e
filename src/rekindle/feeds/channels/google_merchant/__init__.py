"""Google Merchant Center: RSS 2.0 with the namespace ``g:``, UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.channels.google_merchant.mapping import MAPPING
from rekindle.feeds.channels.google_merchant.writer import END, begin, line
from rekindle.feeds.spec import load_spec

CHANNEL = Channel(
    spec=load_spec(__name__),
    mapping=MAPPING,
    extension="xml",
    content_type="application/xml; charset=utf-8",
    line=line,
    begin=begin,
    end=END,
)
