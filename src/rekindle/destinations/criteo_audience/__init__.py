"""Criteo contact lists: people added and removed by hashed e-mail or by GUM id."""

from rekindle.destinations.criteo_audience.connector import classify, configure, manifest

__all__ = ["classify", "configure", "manifest"]
