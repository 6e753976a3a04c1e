"""Meta product catalogue: CSV, UTF-8, one row an item."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.channels.meta.mapping import MAPPING
from rekindle.feeds.channels.meta.writer import begin, line
from rekindle.feeds.spec import load_spec

CHANNEL = Channel(
    spec=load_spec(__name__),
    mapping=MAPPING,
    extension="csv",
    content_type="text/csv; charset=utf-8",
    line=line,
    begin=begin,
    end="",
)
