"""Snapchat catalogue: CSV, or RSS 2.0 with the namespace ``g:``; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, RSS
from rekindle.feeds.mapping import NEW, SPACED_AVAILABILITY, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(SPEC, availability=SPACED_AVAILABILITY, condition=NEW),
    {"csv": CSV, "xml": RSS},
)
