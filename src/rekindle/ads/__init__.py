"""Ads on the shop's own pages: pick, draw, serve and count. No consent, no personal ad."""

from rekindle.ads.serve import AdServer, routes
from rekindle.ads.served import Served, ServedCounter, served

__all__ = ["AdServer", "Served", "ServedCounter", "routes", "served"]
