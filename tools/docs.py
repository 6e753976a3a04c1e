"""Write the generated parts of docs/: command help, configuration, settings, sources, destinations, reason
codes, and the gateway in OpenAPI.

`python -m tools.docs` writes them, `--check` only says whether they are up to date (the tests do).
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from rekindle.ads.serve import DESCRIBED as ADS
from rekindle.catalog.hooks import DESCRIBED as HOOKS
from rekindle.cli import main
from rekindle.collect.gateway import described
from rekindle.console.words import words_of
from rekindle.feeds.serving import DESCRIBED as FEEDS
from rekindle.model.reasons import REASONS
from rekindle.settings import Settings
from rekindle.tags.serve import DESCRIBED as TAGS
from rekindle.workspace import documents
from tools.docs_destinations import destination_pages
from tools.docs_sources import source_page

DOCS = Path(__file__).resolve().parents[1] / "docs"
_NOTE = "<!-- Written by `make docs`; edit the code, not this page. -->\n\n"


def pages() -> dict[str, str]:
    """Return every generated page by file name."""
    return {
        "cli.md": _NOTE + "\n".join(_commands()),
        "configuration.md": _NOTE + "\n".join(_configuration()),
        "sources.md": _NOTE + source_page(),
        "gateway.openapi.json": msgspec.json.format(msgspec.json.encode(described([TAGS, FEEDS, HOOKS, ADS]))).decode(),
        "reasons.md": _NOTE + "\n".join(_reasons()),
        "settings.md": _NOTE + "\n".join(_settings()),
        **{name: _NOTE + text for name, text in destination_pages().items()},
    }


def _reasons() -> Iterator[str]:
    yield "# Reason codes\n"
    yield (
        "Every event ends in one outcome at each destination, and every outcome has a reason. `rekindle explain EVENT_ID`"
        " and the console tell it in words; `GET /api/w/<workspace>/reasons` has this table for programs.\n"
    )
    yield "| code | means | what to do | po polsku |"
    yield "|---|---|---|---|"
    english, polish = words_of("en"), words_of("pl")
    for code in REASONS:
        yield f"| `{code}` | {english.reason(code)} | {english.remedy(code)} | {polish.reason(code)} |"


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    # The help option is made once a process, from the context that comes first; so both must name it alike.
    context = click.Context(main, info_name="rekindle", terminal_width=100, **main.context_settings)
    yield from _help(main, context)


def _help(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`\n"
    yield f"```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _help(
                    child,
                    click.Context(child, info_name=name, parent=context, max_content_width=100, terminal_width=100),
                )


def _configuration() -> Iterator[str]:
    yield "# Configuration\n"
    yield (
        "A workspace is a folder of TOML files. `rekindle plan` shows how it differs from what is live, `rekindle apply`"
        " makes it live. An unknown key is an error.\n"
    )
    # A part that several documents have stands behind the first of them.
    for kind in dict.fromkeys(
        _with_parts(
            documents.Shop,
            documents.Catalog,
            documents.Policy,
            documents.Tag,
            documents.Feed,
            documents.Destination,
            documents.Audience,
            documents.Campaign,
            documents.Quality,
        )
    ):
        yield from _struct(kind)


def _with_parts(*kinds: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Yield every document and, behind it, the tables inside it: what a page links to is on the page."""
    for kind in kinds:
        yield kind
        for hint in typing.get_type_hints(kind).values():
            yield from _with_parts(*_structs(hint))


def _structs(hint: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for inner in typing.get_args(hint):
        yield from _structs(inner)


def _settings() -> Iterator[str]:
    yield "# Process settings\n"
    yield (
        "Each process reads them from the environment; nothing here is secret. Secrets are `REKINDLE_SECRET_<NAME>`,"
        " `REKINDLE_SECRET_<NAME>_FILE`, or stored with `rekindle secrets set`. The master key is"
        " `REKINDLE_MASTER_KEY_FILE` or `keys/master.key` in the data folder, wrapped by Vault where"
        " `REKINDLE_VAULT_ADDR` is set.\n"
    )
    yield from _struct(Settings, prefix="REKINDLE_", upper=True)


def _struct(kind: type[msgspec.Struct], prefix: str = "", upper: bool = False) -> Iterator[str]:
    yield f"## {kind.__name__}\n"
    yield inspect.cleandoc(kind.__doc__ or "").replace("``", "`") + "\n"
    yield "| key | type | default |\n|---|---|---|"
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        name = prefix + (field.name.upper() if upper else field.name)
        yield f"| `{name}` | {_type(hints[field.name])} | {_default(field)} |"
    yield ""


def _type(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _type(args[0]) + "".join(_bounds(meta) for meta in args[1:] if isinstance(meta, msgspec.Meta))
    if origin is typing.Literal:
        return " \\| ".join(f"`{value}`" for value in args)
    if args and args[-1] is type(None):
        return " or ".join(_type(arg) for arg in args[:-1])
    if origin in (list, tuple):
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"table of {_type(args[1])}"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return {"str": "text", "int": "integer", "float": "number", "bool": "true/false"}.get(
        getattr(hint, "__name__", str(hint)), getattr(hint, "__name__", "any").lower()
    )


def _bounds(meta: msgspec.Meta) -> str:
    if meta.pattern is not None:
        return f" matching `{meta.pattern}`".replace("|", "\\|")
    low, high = meta.ge, meta.le
    return f", {low if low is not None else '…'} to {high if high is not None else '…'}"


def _default(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        return "" if field.default is None else f"`{msgspec.json.encode(field.default).decode()}`"
    if field.default_factory is not msgspec.NODEFAULT:
        value = msgspec.json.encode(field.default_factory()).decode()
        return "" if value in ("[]", "{}") else f"`{value}`".replace("|", "\\|")
    return "**required**"


def run(check: bool) -> int:
    """Write the pages, or only compare them; return the exit status."""
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        wanted = text.rstrip("\n") + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            stale.append(name)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(wanted, encoding="utf-8")
    verb = "stale" if check else "written"
    print(f"docs: {verb}: {', '.join(stale)}" if stale else "docs: up to date")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(run("--check" in sys.argv))
