"""Strict decoders of consent strings, usable alone: each returns a `Reading` and never raises.

>>> from rekindle.privacy.consent import read_usp
>>> read_usp("1YNN").facts["opt_out_sale"]
'N'

What is right is read whole; everything else is refused with a reason and without facts, so that nothing can be
granted from what was refused. No decoder corrects, completes or guesses.
"""

from rekindle.privacy.consent.reading import Reading, Verdict
from rekindle.privacy.consent.tcf import TcString, parse_tcf, read_tcf

__all__ = ["Reading", "TcString", "Verdict", "parse_tcf", "read_tcf"]
