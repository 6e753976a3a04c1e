"""OpenAI Ads (ChatGPT) Conversions API: events by server, deduplicated with the pixel's by event name and ``id``."""

from rekindle.destinations.openai.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
