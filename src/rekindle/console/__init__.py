"""The console: server-rendered pages and the same data as JSON, behind a login."""

from rekindle.console.app import create_console

__all__ = ["create_console"]
