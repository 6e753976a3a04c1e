"""Amazon Ads Events API: conversions that happen outside Amazon."""

from rekindle.destinations.amazon.answers import classify
from rekindle.destinations.amazon.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
