"""The browser tag: a small script, compiled for each workspace and served from the shop's own origin."""

from rekindle.tags.compile import Script, compile_tag
from rekindle.tags.serve import TagServer, routes

__all__ = ["Script", "TagServer", "compile_tag", "routes"]
