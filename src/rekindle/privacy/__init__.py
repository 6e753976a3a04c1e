"""Consent strings, policy, decisions, pseudonyms, the vault and the ledger: what may be kept and what may leave."""
