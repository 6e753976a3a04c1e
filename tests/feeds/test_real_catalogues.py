"""Catalogues as shops publish them: each one is built for both channels, and reads back whole."""

from __future__ import annotations

import csv
import io

import pytest
from lxml import etree

from rekindle.catalog import Options, Report, read_items
from rekindle.catalog.staging import stage
from rekindle.model.ports import Snapshot
from tests.feeds.conftest import GOOGLE, META, published, shop

FILES = [
    "google_bogo4u.xml", "google_cuttysark_au_cdata.xml", "google_ola.xml", "ceneo_dagra.xml", "meta_dagra_pl.csv",
    "shopify_products_public.json", "shopify_partners_apparel.csv", "woocommerce_export_artur.csv",
    "magento2_gear_bags.csv", "broken/ceneo_windows-1250.xml", "broken/google_unescaped_amp.xml",
    "broken/meta_semicolon_bom_crlf.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_each_importable_file_is_published_to_both_channels(builder, blobs, shelf, shared_data, tmp_path, name) -> None:
    options = Options(currency="PLN", link_base="https://shop.example/")
    path = stage(read_items(shared_data / name, options=options), "main", tmp_path, Report())
    shelf.snapshot = Snapshot("shop", "0" * 64, path, 0, 0)
    workspace = shop(google=GOOGLE, meta=META)
    google, meta = (builder.build(workspace, feed) for feed in ("google", "meta"))
    for version in (google, meta):
        assert version.items + version.blocked > 0
        assert version.held_reason is None or version.items == 0
    tree = etree.fromstring(published(blobs, google))
    ids = [item.findtext("{http://base.google.com/ns/1.0}id") for item in tree.findall("channel/item")]
    assert len(ids) == len(set(ids)) == google.items
    text = published(blobs, meta).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == meta.items
    assert all(None not in row and row["id"] and row["price"].endswith(" " + row["price"][-3:]) for row in rows)
