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
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        if frame is not None:
            code = frame.tb_frame.f_code
            entry["error.place"] = f"{code.co_filename.rpartition('rekindle/')[2]}:{frame.tb_lineno}"
    return entry
