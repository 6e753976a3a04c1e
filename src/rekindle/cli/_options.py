"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def installation_options(function: F) -> F:
    """Add ``--workspace DIR`` (parameter ``folder``) and ``--data DIR`` (parameter ``data``)."""
    function = click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder with log, state and keys [default: DIR/data, or $REKINDLE_DATA].",
    )(function)
    return click.option(
        "--workspace",
        "-w",
        "folder",
        envvar="REKINDLE_WORKSPACE",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(),
        help="The workspace's folder of TOML files [default: the current one].",
    )(function)
