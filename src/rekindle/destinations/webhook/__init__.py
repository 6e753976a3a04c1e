"""Signed webhook: events to an address of the shop's own, after Standard Webhooks."""

from rekindle.destinations.webhook.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
