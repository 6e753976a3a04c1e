"""Simulated ad platforms, a demo shop and shopper traffic."""
