"""LinkedIn DMP segment: people are added and removed as they come and go."""

from rekindle.destinations.linkedin.answers import classify
from rekindle.destinations.linkedin_audience.connector import configure, manifest

__all__ = ["classify", "configure", "manifest"]
