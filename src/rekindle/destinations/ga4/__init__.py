"""Google Analytics 4 by the Measurement Protocol: the shop's own GA4 names, with the consent of each visitor."""

from rekindle.destinations.ga4.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
