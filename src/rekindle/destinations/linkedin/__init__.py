"""LinkedIn Conversions API: events by server, deduplicated with the Insight Tag's by ``eventId``."""

from rekindle.destinations.linkedin.answers import classify
from rekindle.destinations.linkedin.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
