"""The only door out: permits checked, requests sent, retries, breakers, ledger lines."""

from rekindle.egress._pace import backoff_ms
from rekindle.egress._store import prune

__all__ = ["backoff_ms", "prune"]
