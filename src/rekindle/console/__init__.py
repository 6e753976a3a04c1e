"""The console: server-rendered pages and the same data as JSON, behind a login."""

from rekindle.console.app import close_streams, create_console

__all__ = ["close_streams", "create_console"]
