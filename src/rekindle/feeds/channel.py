"""What a channel's folder offers: its specification, the mapping from products, and the files it writes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import ModuleType

import msgspec

from rekindle.feeds.formats import Format, Head
from rekindle.feeds.spec import Spec
from rekindle.model.discover import discover
from rekindle.workspace import Feed

__all__ = ["Channel", "Head", "UnknownChannel", "channel", "channels", "configured"]


class Channel(msgspec.Struct, frozen=True):
    """One channel; a folder's ``__init__`` holds one as ``CHANNEL``, and may have ``configure(CHANNEL, feed)``.

    ``mapping``: attribute → SQL over the columns of `model.ports.Snapshot`, giving VARCHAR; an attribute that is not
    in it comes from the product's own ``attributes`` by name. ``formats`` are by name; the first is the usual one.
    """

    spec: Spec
    mapping: Mapping[str, str]
    formats: Mapping[str, Format]
    chosen: str = ""

    @property
    def format(self) -> Format:
        """The file that is written."""
        return self.formats[self.chosen] if self.chosen else next(iter(self.formats.values()))

    @property
    def name(self) -> str:
        """The channel's name, and after a slash the format where it is not the usual one."""
        return f"{self.spec.channel}/{self.chosen}" if self.chosen else self.spec.channel


class UnknownChannel(LookupError):
    """No folder of `rekindle.feeds.channels`, and no installed package, has that name, or it has no such format."""


@cache
def channels() -> Mapping[str, ModuleType]:
    """Return the channels' modules by name."""
    return discover("rekindle.feeds.channels")


def channel(name: str) -> Channel:
    """Return a channel, by its name or by name and format: ``meta/xml``. Raises `UnknownChannel`."""
    plain, _, shape = name.partition("/")
    module = channels().get(plain)
    if module is None:
        raise UnknownChannel(f"no channel is called {plain!r}; there are {', '.join(sorted(channels()))}")
    found: Channel = module.CHANNEL
    if shape and shape not in found.formats:
        raise UnknownChannel(f"{plain} has no format {shape!r}; it has {', '.join(found.formats)}")
    return msgspec.structs.replace(found, chosen="" if shape == next(iter(found.formats)) else shape)


def configured(feed: Feed) -> Channel:
    """Return the channel as a feed's document wants it. Raises `UnknownChannel`."""
    found = channel(f"{feed.channel}/{feed.format}" if feed.format else feed.channel)
    configure = getattr(channels()[found.spec.channel], "configure", None)
    return configure(found, feed) if configure else found
