"""TikTok custom audiences (segments): members added and removed by hashed e-mail and phone."""

from rekindle.destinations.tiktok_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
