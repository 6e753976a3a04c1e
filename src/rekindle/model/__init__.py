"""The ground floor: plain typed structs for events, products, consent, identities and outcomes; no I/O.

Times are integers, milliseconds since 1970-01-01T00:00:00Z, and end in ``_ms``. Money is `decimal.Decimal` with an
ISO 4217 currency beside it.
"""
