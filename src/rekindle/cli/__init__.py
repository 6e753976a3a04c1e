"""The command line: one command per file of this package, each with a `command`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import click

import rekindle
from rekindle.ops.interpreter import loading


class _Commands(click.Group):
    """Loads a command's file only when it is needed, so that `rekindle --version` does not import the house."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = cmd_name.replace("-", "_")
        if name not in self.list_commands(ctx):
            return None
        with loading():
            module = importlib.import_module(f"{__name__}.{name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what its surroundings did to it is told in words and not as a trace."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from rekindle.cli._faults import in_words  # only now: it brings what a quick command does not need

            words = in_words(error)
            if words is None:
                raise
            raise click.ClickException(words) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(rekindle.__version__, prog_name="rekindle")
def main() -> None:
    """Self-hosted dynamic remarketing: collect, publish, target, govern.

    A new shop: `rekindle init DIR`, edit the TOML files, `rekindle plan`, `rekindle apply`, `rekindle serve`.
    """
