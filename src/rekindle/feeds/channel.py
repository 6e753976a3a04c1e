"""What a channel's folder offers: its specification, the mapping from products, and the file it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType

import msgspec

from rekindle.feeds.spec import Spec
from rekindle.model.discover import discover


class Head(msgspec.Struct, frozen=True):
    """What a file says of itself; nothing that changes from build to build, so that equal input gives equal bytes."""

    title: str
    link: str
    language: str = "en"


class Channel(msgspec.Struct, frozen=True):
    """One channel; a folder's ``__init__`` holds one as ``CHANNEL``.

    ``mapping``: attribute → SQL over the columns of `model.ports.Snapshot`, giving VARCHAR; an attribute that is not
    in it comes from the product's own ``attributes`` by name. ``line``: SQL for one item's text, given the attributes
    that hold a value anywhere. ``begin`` and ``end`` are the file's text around the items.
    """

    spec: Spec
    mapping: Mapping[str, str]
    extension: str
    content_type: str
    line: Callable[[Spec, Sequence[str]], str]
    begin: Callable[[Head, Sequence[str]], str]
    end: str


class UnknownChannel(LookupError):
    """No folder of `rekindle.feeds.channels`, and no installed package, has that name."""


@cache
def channels() -> Mapping[str, ModuleType]:
    """Return the channels' modules by name."""
    return discover("rekindle.feeds.channels")


def channel(name: str) -> Channel:
    """Return a channel. Raises `UnknownChannel`."""
    module = channels().get(name)
    if module is None:
        raise UnknownChannel(f"no channel is called {name!r}; there are {', '.join(sorted(channels()))}")
    found: Channel = module.CHANNEL
    return found
