"""A file of your own, for a reader that no channel knows: CSV, tab-separated, XML or JSON Lines, fields by template."""

from __future__ import annotations

import re

import msgspec

from rekindle.feeds._sql import text
from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, JSON_LINES, TSV, xml
from rekindle.feeds.mapping import COMMON
from rekindle.feeds.rules import PRODUCT_FIELDS, RuleError, fill
from rekindle.feeds.spec import SEPARATOR, Attribute, load_spec
from rekindle.workspace import Feed, FeedTemplate

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LISTS = {"additional_image_links", "custom_labels"}
_MONEY = {"price": COMMON["price"], "sale_price": COMMON["sale_price"], "description": COMMON["description"]}

CHANNEL = Channel(
    load_spec(__name__), {"id": "id"}, {"csv": CSV, "tsv": TSV, "xml": xml("item", str, ""), "jsonl": JSON_LINES}
)


def configure(channel: Channel, feed: Feed) -> Channel:
    """Return the channel that a feed's ``[template]`` describes. Raises `RuleError`."""
    template = feed.template
    if template is None:
        raise RuleError("the channel template needs [template] with its fields")
    if template.id not in template.field:
        raise RuleError(f"[template] has no field {template.id!r}; name the field that holds the item's id with `id`")
    for name in (template.root, template.item, *template.field):
        if not _NAME.fullmatch(name):
            raise RuleError(f"[template] {name!r} cannot be a name; use letters, digits, _, - and .")
    for name in (*template.required, *template.repeated):
        if name not in template.field:
            raise RuleError(f"[template] {name!r} is required or repeated, and is no field")
    attributes = tuple(_attribute(template, name) for name in template.field)
    names = [attribute.name for attribute in attributes]
    if len(set(names)) < len(names):
        raise RuleError(f"[template] the id is the field {template.id!r}; give the other field `id` another name")
    spec = msgspec.structs.replace(channel.spec, attribute=attributes)
    mapping = {attribute.name: fill(template.field[attribute.header], _resolve) for attribute in attributes}
    shapes = dict(channel.formats)
    shapes["xml"] = xml(template.item, lambda _head: f"<{template.root}>", f"</{template.root}>\n")
    return msgspec.structs.replace(channel, spec=spec, mapping=mapping, formats=shapes)


def _attribute(template: FeedTemplate, name: str) -> Attribute:
    own = "id" if name == template.id else name
    return Attribute(
        own, "text", "own", required=name in template.required or own == "id", repeated=name in template.repeated,
        written="" if own == name else name,
    )  # fmt: skip


def _resolve(name: str) -> str:
    """Return a product field as text: prices with their currency, HTML as plain text, lists joined."""
    if name.startswith("source."):
        return f"attributes[{text(name.removeprefix('source.'))}]"
    if name not in PRODUCT_FIELDS:
        raise RuleError(f"[template] {name!r} is no product field; write source.{name} for an attribute of the source")
    if name in _LISTS:
        return f"array_to_string({name}, {text(SEPARATOR)})"
    return _MONEY.get(name, f"CAST({name} AS VARCHAR)")
