"""What a landing page may be found to say otherwise than a feed: one table for commands, pages and the documentation.

The words are English and marked for translation; the console's catalogues have the other languages. Google disapproves
an item whose page cannot be read or is kept from it by robots.txt (Merchant Center help, "Product crawl issues"), and one whose
price on the page is another ("Mismatched value (page crawl)", both read 2026-11); availability and condition are compared by it
too ("Automatic updates"). The other grades are our judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple


def _(text: str) -> str:
    return text  # marks for extraction; translated when shown


class LandingCode(NamedTuple):
    """``severity`` is what platforms do about it; ``means`` and ``remedy`` are one sentence each."""

    severity: Literal["block", "limit", "warning"]
    means: str
    remedy: str


LANDING: Final[Mapping[str, LandingCode]] = {
    # the page
    "page-missing": LandingCode(
        "block", _("the page is not there"), _("Take the item out of the catalogue, or correct its link.")
    ),
    "page-soft-missing": LandingCode(
        "block", _("the page says that there is nothing, and answers as if there were"),
        _("Let the shop answer 404 for what it does not sell, and take the item out of the catalogue."),
    ),
    "page-home": LandingCode(
        "block", _("the link leads to the front page"), _("Take the item out of the catalogue, or correct its link.")
    ),
    "page-keeps-google-out": LandingCode(
        "block", _("robots.txt keeps Google from the page"), _("Allow Googlebot the product pages in robots.txt.")
    ),
    "page-failed": LandingCode(
        "limit", _("the page did not answer properly"), _("Look at the shop's server; platforms come again for some days.")
    ),
    "page-forbidden": LandingCode(
        "limit", _("the page wants a login, or refuses programs"),
        _("Let product pages be read without a login; name Rekindle in the shop's protection against bots."),
    ),
    "page-unreadable": LandingCode(
        "limit", _("the page is too large, or no web page"), _("Look at what the link leads to; correct it in the source.")
    ),
    "page-noindex": LandingCode(
        "limit", _("the page asks not to be listed by search engines"), _("Remove noindex from product pages that are sold.")
    ),
    "page-keeps-us-out": LandingCode(
        "warning", _("robots.txt keeps Rekindle from the page, so it was not read"),
        _("Allow the user agent Rekindle in robots.txt, if pages are to be checked."),
    ),
    "page-redirects": LandingCode(
        "warning", _("the link leads to another page"), _("Put the address of the last page into the catalogue.")
    ),
    "page-canonical": LandingCode(
        "warning", _("the page names another one as the right one"),
        _("Let link rel=canonical and the item's link agree, or check that both sell the same."),
    ),
    # its markup
    "markup-missing": LandingCode(
        "warning", _("the page has no product for programs to read"),
        _("Let the shop write schema.org Product with an Offer into its pages, as JSON-LD."),
    ),
    "markup-broken": LandingCode(
        "warning", _("the page has JSON-LD that cannot be read"), _("Mend the JSON of the script in the shop's template.")
    ),
    "markup-repaired": LandingCode(
        "warning", _("the page's JSON-LD is broken; it was repaired to be read"),
        _("Mend the JSON of the script in the shop's template: platforms may not repair it."),
    ),
    "item-not-on-page": LandingCode(
        "limit", _("the page offers other things, but not this item"),
        _("Write the item's id into the markup as sku, and every variant as an offer of its own."),
    ),
    # values
    "price-mismatch": LandingCode(
        "block", _("the page has another price"), _("Read the source more often, or look at the rules that change the price.")
    ),
    "sale-mismatch": LandingCode(
        "block", _("the sale is on one side alone"),
        _("Look at the dates of the sale in the source, and at how often it is read."),
    ),
    "price-without-tax": LandingCode(
        "block", _("the page's markup has the price without tax"),
        _("Write the price with tax into the markup, where the country's prices have it."),
    ),
    "currency-mismatch": LandingCode(
        "block", _("the page has another currency"), _("Link to the page of the feed's market, or publish a feed for the other.")
    ),
    "availability-mismatch": LandingCode(
        "block", _("the page says otherwise whether it can be bought"),
        _("Read the stock more often, or correct the markup of the page."),
    ),
    "condition-mismatch": LandingCode(
        "limit", _("the page has another condition"), _("Correct the condition in the source, or the markup of the page.")
    ),
    "gtin-mismatch": LandingCode(
        "limit", _("the page has another GTIN"), _("Correct the GTIN in the source, or the markup of the page.")
    ),
    "mpn-mismatch": LandingCode(
        "warning", _("the page has another manufacturer's number"),
        _("Correct the number in the source, or the markup of the page."),
    ),
    "price-missing": LandingCode(
        "warning", _("the markup has no price"), _("Write price and priceCurrency into the offer of the markup.")
    ),
    "price-range": LandingCode(
        "warning", _("the markup has a range of prices only"), _("Write every variant's own price into the markup.")
    ),
    "price-format": LandingCode(
        "warning", _("the markup's price is not written as a plain number"),
        _("Write digits and a point, without spaces and currency: 1299.00."),
    ),
    "before-price-mismatch": LandingCode(
        "warning", _("the page strikes out another price"), _("Let the price before the sale agree in shop and source.")
    ),
    "availability-missing": LandingCode(
        "warning", _("the markup does not say whether it can be bought"), _("Write availability into the offer of the markup.")
    ),
    "availability-unknown": LandingCode(
        "warning", _("the markup's availability is no word of schema.org that feeds know"),
        _("Write InStock, OutOfStock, PreOrder or BackOrder."),
    ),
    "image-elsewhere": LandingCode(
        "warning", _("the item's picture is not among those of the markup"),
        _("Check that the picture in the feed shows what the page sells."),
    ),
}  # fmt: skip
