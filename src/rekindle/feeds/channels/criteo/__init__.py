"""Criteo product catalogue: CSV, tab-separated, or RSS 2.0 with the namespace ``g:``; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, RSS, TSV
from rekindle.feeds.mapping import images, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        additional_image_links=images(10, "%2C"),
        product_types="product_type",
        sizes="size",
        custom_label0="custom_labels[1]",
        custom_label1="custom_labels[2]",
        custom_label2="custom_labels[3]",
        custom_label3="custom_labels[4]",
        custom_label4="custom_labels[5]",
    ),
    {"csv": CSV, "tsv": TSV, "xml": RSS},
)
