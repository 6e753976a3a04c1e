"""Criteo Events API (server to server): what a visitor looked at, put into the cart and bought, in near real time."""

from rekindle.destinations.criteo.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
