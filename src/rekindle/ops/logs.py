"""Logs: one JSON object a line on standard error, with ECS field names, or plain lines on a terminal.

Messages name events and places; values that people or shops sent never go into them.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure(role: str, level: str = "info") -> None:
    """Set up logging for this process; ``role`` is in every line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
        _without_values,
    ]
    if sys.stderr.isatty():
        renderer: Any = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
        shared.append(structlog.processors.EventRenamer("message"))
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(role=role)


def _without_values(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
    # An exception's text can quote what it choked on, so only its type and the place in our code are kept.
    error = entry.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        entry["error.type"] = type(error).__name__
        entry["error.place"] = _place(error)
    return entry


def _place(error: BaseException) -> str:
    """Return file and line of the deepest frame that is ours, or the deepest there is."""
    place = ours = ""
    frame = error.__traceback__
    while frame is not None:
        _, found, path = frame.tb_frame.f_code.co_filename.rpartition("/rekindle/")
        place = f"{path}:{frame.tb_lineno}"
        ours = place if found else ours
        frame = frame.tb_next
    return ours or place.rpartition("/")[2]
