"""Rekindle: self-hosted dynamic remarketing for e-commerce."""

__version__ = "0.1.0"
