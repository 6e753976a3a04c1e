"""Moments on the command line."""

from __future__ import annotations

import click

from rekindle.model.clock import parse_rfc3339


def moment(_context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read an RFC 3339 time as epoch milliseconds. Raises `click.BadParameter`."""
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time with an offset; write it as 2026-08-01T00:00:00Z", param=parameter
        ) from None
