"""Microsoft Advertising: UET Conversions API, with each visitor's own ``adStorageConsent``."""

from rekindle.destinations.microsoft_uet.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
