"""The only door out: permits checked, requests sent, retries, breakers, ledger lines."""
