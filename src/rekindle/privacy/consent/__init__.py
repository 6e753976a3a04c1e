"""Strict decoders of consent strings, usable alone: each returns a `Reading` and never raises.

>>> from rekindle.privacy.consent import read_usp
>>> read_usp("1YNN").facts["opt_out_sale"]
'N'

What is right is read whole; everything else is refused with a reason and without facts, so that nothing can be
granted from what was refused. No decoder corrects, completes or guesses.
"""

from rekindle.privacy.consent.ac import read_ac
from rekindle.privacy.consent.gcd import read_gcd
from rekindle.privacy.consent.gcs import read_gcs
from rekindle.privacy.consent.gpc import read_gpc
from rekindle.privacy.consent.gpp import GppString, parse_gpp, read_gpp
from rekindle.privacy.consent.reading import Reading, Verdict
from rekindle.privacy.consent.tcf import TcString, parse_tcf, read_tcf
from rekindle.privacy.consent.tcf_decision import decide_purpose, string_reason
from rekindle.privacy.consent.usp import read_usp
from rekindle.privacy.consent.vendors import Vendor, VendorList, VendorListError, read_vendor_list

DECODERS = {
    "tcf": read_tcf,
    "gpp": read_gpp,
    "usp": read_usp,
    "ac": read_ac,
    "gcd": read_gcd,
    "gcs": read_gcs,
    "gpc_header": read_gpc,
}
"""The decoders by the kind of their input."""

__all__ = [
    "DECODERS",
    "GppString",
    "Reading",
    "TcString",
    "Vendor",
    "VendorList",
    "VendorListError",
    "Verdict",
    "decide_purpose",
    "parse_gpp",
    "parse_tcf",
    "read_ac",
    "read_gcd",
    "read_gcs",
    "read_gpc",
    "read_gpp",
    "read_tcf",
    "read_usp",
    "read_vendor_list",
    "string_reason",
]
