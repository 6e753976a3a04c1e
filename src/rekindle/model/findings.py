"""What checks find in feeds, in words: one table for the console's pages, by code.

The words are English and marked for translation; the console's catalogues have the other languages. A finding's own
remedy names the platform's limits and values; these are the same in general.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


def _(text: str) -> str:
    return text  # marks for extraction; translated when shown


class FindingWords(NamedTuple):
    """What it is and what to do, one sentence each."""

    means: str
    remedy: str


FINDINGS: Final[Mapping[str, FindingWords]] = {
    "missing": FindingWords(_("a value is missing"), _("Fill it in the source, or set a default with a rule.")),
    "too-long": FindingWords(_("the text is too long"), _("Shorten it in the source or with a rule.")),
    "too-many-values": FindingWords(
        _("there are too many values"),
        _("Leave the needless ones out in the source; those over the limit are not sent."),
    ),
    "invalid-value": FindingWords(_("the value is none of those allowed"), _("Translate it with a lookup rule.")),
    "invalid-url": FindingWords(
        _("the address is not whole"), _("Write a whole address: https://shop.example/item, without blanks.")
    ),
    "invalid-price": FindingWords(
        _("the price cannot be read"), _("Write the amount with a point and the currency after it: 1299.00 PLN.")
    ),
    "invalid-number": FindingWords(_("the number cannot be read"), _("Write a number with a point: 129.00.")),
    "invalid-measure": FindingWords(_("the measure cannot be read"), _("Write a number and a unit: 1.5 kg.")),
    "invalid-time": FindingWords(_("the moment cannot be read"), _("Write 2026-09-01T12:00Z.")),
    "invalid-range": FindingWords(_("the period cannot be read"), _("Write 2026-09-01T12:00Z/2026-09-08T12:00Z.")),
    "invalid-group": FindingWords(
        _("the parts cannot be read"),
        _("Write the parts in their order with a colon between, as in PL::Courier:9.99 PLN."),
    ),
    "range-reversed": FindingWords(_("the period ends before it begins"), _("Correct the dates in the source.")),
    "price-without-currency": FindingWords(
        _("the price has no currency"), _("Set the source's currency in catalog.toml.")
    ),
    "price-zero": FindingWords(_("the price is zero"), _("Give the price, or exclude the item with a rule.")),
    "unknown-currency": FindingWords(
        _("the currency is not known"), _("Use a currency that is tender today, by its three letters.")
    ),
    "currency-differs": FindingWords(
        _("the two prices have different currencies"), _("Give both prices in one currency.")
    ),
    "sale-price-not-lower": FindingWords(
        _("the sale price is not lower"), _("Correct the source, or clear it with a rule.")
    ),
    "unknown-category": FindingWords(
        _("it is no category of Google's taxonomy"), _("Choose one on the feed's page Categories.")
    ),
    "duplicate-id": FindingWords(
        _("another item has the same id"), _("Give each item an id of its own in the source.")
    ),
    "id-blanks": FindingWords(
        _("the id has blanks around it"),
        _("Take them away in the source or with a replace rule; pages must send the same id."),
    ),
    "id-control-character": FindingWords(_("the id has a control character"), _("Take it away in the source.")),
    "gtin-length": FindingWords(
        _("the GTIN has a wrong length"), _("Write the 8, 12, 13 or 14 digits of the package.")
    ),
    "gtin-check-digit": FindingWords(_("the GTIN's last digit is wrong"), _("Copy the GTIN from the package.")),
    "gtin-restricted": FindingWords(_("the GTIN is for use inside a shop"), _("Use the maker's GTIN, or none.")),
    "identifiers-missing": FindingWords(
        _("brand, GTIN and part number are missing"), _("Give gtin, or brand and mpn.")
    ),
    "identifier-exists-contradicted": FindingWords(
        _("the item has a GTIN and says that it has none"),
        _("Take identifier_exists away in the source or with a rule."),
    ),
    "brand-missing": FindingWords(_("the brand is missing"), _("Set it with a rule.")),
    "availability-date-missing": FindingWords(
        _("a preorder has no date"), _("Give availability_date, at most one year ahead.")
    ),
    "apparel-color-missing": FindingWords(_("clothing without a colour"), _("Give color in the source.")),
    "apparel-size-missing": FindingWords(_("clothing or shoes without a size"), _("Give size in the source.")),
    "apparel-gender-missing": FindingWords(
        _("clothing without a gender"), _("Give gender in the source, or set it with a rule.")
    ),
    "apparel-age-group-missing": FindingWords(
        _("clothing without an age group"), _("Give age_group in the source, or set it with a rule.")
    ),
    "color-not-words": FindingWords(_("the colour is no word"), _("Write the colour's name.")),
    "title-all-capitals": FindingWords(_("the title is in capitals only"), _("Write it as a sentence.")),
    "description-all-capitals": FindingWords(_("the description is in capitals only"), _("Write it as sentences.")),
    "title-emoji": FindingWords(_("there are emoji in the title"), _("Take them out with a replace rule.")),
    "shipping-weight-too-large": FindingWords(
        _("the weight is beyond what the platform takes"), _("Correct the weight or its unit.")
    ),
    "html": FindingWords(_("there is markup in plain text"), _("Remove it in the source or with a replace rule.")),
    "encoding-broken": FindingWords(
        _("the text was read with the wrong encoding"), _("Declare the source's true encoding and import again.")
    ),
    "forbidden-value": FindingWords(_("the value is a placeholder"), _("Give the true value, or leave it empty.")),
    "digital-source-missing": FindingWords(
        _("it is not said that a machine wrote the text"), _("Put trained_algorithmic_media: before the text.")
    ),
}
