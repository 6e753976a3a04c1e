"""Simulated ad platforms that refuse what the real ones refuse, with their error bodies."""

from rekindle.sandbox.platforms.meta import MetaPlatform
from rekindle.sandbox.platforms.webhook import WebhookReceiver

__all__ = ["MetaPlatform", "WebhookReceiver"]
