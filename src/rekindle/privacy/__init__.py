"""Consent read strictly, decisions and permits, pseudonyms, the vault of identifiers, the ledger.

Everything here fails closed: what is absent, unreadable or throws is a "no" with a reason code.
"""
