"""`rekindle catalog`: import a catalogue, look at an item, see what changed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from rekindle.catalog import Ages, CatalogImport, ChangeSet, RunLog, RunResult, SnapshotStore
from rekindle.catalog.origin import is_address
from rekindle.catalog.reading import sources
from rekindle.cli import _scheduler
from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import read_folder
from rekindle.cli._options import installation_options
from rekindle.cli._quality import age_lines, quality_desk
from rekindle.cli._source_add import sources_command
from rekindle.egress.fetch import Fetcher
from rekindle.egress.http import HttpTransport
from rekindle.engines.blobs import BlobMissing
from rekindle.model.clock import rfc3339
from rekindle.workspace import Source, Workspace

_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}


@click.group()
def command() -> None:
    """Import the catalogue, look at items, see what changed."""


@command.command("import")
@click.argument("location", required=False)
@click.option("--kind", help="Source kind [default: what the source says, or by looking at the content].")
@click.option("--source", "name", help="Which source of catalog.toml LOCATION stands for.")
@click.option("--currency", help="Currency where the file names none [default: the shop's].")
@click.option("--link-base", help="The shop's address, for relative or missing links.")
@click.option("--confirm-shrink", is_flag=True, help="Accept a catalogue that is much smaller, or lost a field.")
@installation_options
def import_(
    location: str | None,
    kind: str | None,
    name: str | None,
    currency: str | None,
    link_base: str | None,
    confirm_shrink: bool,
    folder: Path,
    data: Path | None,
) -> None:
    """Import LOCATION (a file or an address) as the catalogue, or every source of catalog.toml.

    What was found is listed with row, value and remedy. An import that is refused, incomplete or shrinks by more than
    30 % does not go live; what was live stays, and the exit status is 1.
    """
    with _opened(folder, data) as (installation, workspace):
        chosen = _sources(workspace, location, name)
        given = {"kind": kind, "currency": currency, "link_base": link_base}
        changed = {key: value for key, value in given.items() if value is not None}
        results = asyncio.run(
            _import(installation, workspace, [msgspec.structs.replace(s, **changed) for s in chosen], confirm_shrink)
        )
    for result in results:
        _show_result(result)
    if not all(result.ok for result in results):
        sys.exit(1)


@command.command()
@click.argument("identity", metavar="ID")
@installation_options
def show(identity: str, folder: Path, data: Path | None) -> None:
    """Show the item ID as it is live, and the source and row it came from."""
    with _opened(folder, data) as (installation, workspace):
        found = SnapshotStore(installation.database, installation.blobs).product(workspace.name, identity)
        ages = Ages(installation.database, installation.blobs).of(workspace.name, identity)
        desk = quality_desk(installation)
        held = [line for feed in sorted(workspace.feeds) for line in age_lines(desk, workspace, feed, identity)]
    if found is None:
        raise click.ClickException(f"no item has the id {identity!r}; ids are compared byte for byte")
    product, source, row = found
    table = Table(show_header=False, box=None, pad_edge=False)
    for field in product.__struct_fields__:
        value = getattr(product, field)
        if value in (None, [], {}, ""):
            continue
        if field.endswith("_ms"):
            value = rfc3339(value)
        table.add_row(Text(field, style="bold"), Text(_worded(value)))
    table.add_row(Text("read from", style="bold"), Text(f"source {source}" + (f", row {row}" if row else "")))
    for age in ages:
        changed = f"price since {rfc3339(age.price_ms)}, stock since {rfc3339(age.stock_ms)}"
        table.add_row(Text("last seen", style="bold"), Text(f"{rfc3339(age.seen_ms)} in {age.source}; {changed}"))
    for line in held:
        table.add_row(Text("in feed", style="bold"), Text(line))
    Console().print(table)


@command.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--limit", default=50, show_default=True, help="Items listed of each kind.")
@installation_options
def changes(old: str | None, new: str | None, limit: int, folder: Path, data: Path | None) -> None:
    """Show what changed between the snapshots OLD and NEW (digests or their beginnings).

    Without them: the history, and what changed last.
    """
    console = Console()
    with _opened(folder, data) as (installation, workspace):
        store = SnapshotStore(installation.database, installation.blobs)
        history = store.history(workspace.name)
        if not history:
            raise click.ClickException("nothing was imported yet; run `rekindle catalog import`")
        if old is None:
            table = Table("snapshot", "taken", "items", "added", "changed", "removed", "fields", box=None)
            for kept in history:
                numbers = (kept.items, kept.changes.added, kept.changes.changed, kept.changes.removed)
                fields = ", ".join(f"{name} {count}" for name, count in list(kept.changes.fields.items())[:5])
                mark = "* " if kept.live else "  "
                table.add_row(mark + kept.digest[:12], rfc3339(kept.taken_ms), *map(str, numbers), fields)
            console.print(table)
        newest = history[0]
        before = old or newest.previous
        try:
            found = store.changes(workspace.name, before, new or newest.digest, limit)
        except BlobMissing as error:
            raise click.ClickException(f"there is no one snapshot {error}; see `rekindle catalog changes`") from None
    _show_changes(console, found)


@command.command()
@click.option("--limit", default=20, show_default=True, help="How many runs.")
@installation_options
def runs(limit: int, folder: Path, data: Path | None) -> None:
    """List the last imports and how they ended."""
    with _opened(folder, data) as (installation, workspace):
        latest = RunLog(installation.database).latest(workspace.name, limit)
    table = Table("started", "source", "status", "items", "errors", "warnings", "message", box=None)
    for run in latest:
        numbers = (run.items, run.errors, run.warnings)
        table.add_row(rfc3339(run.started_ms), run.source, run.status, *map(str, numbers), Text(run.message))
    Console().print(table)


@command.command()
def kinds() -> None:
    """List the kinds of source, in the order in which they look at a file."""
    table = Table("kind", "reads", box=None)
    for name, source in sources().items():
        table.add_row(name, source.TITLE)
    Console().print(table)


command.add_command(sources_command)


@contextmanager
def _opened(folder: Path, data: Path | None) -> Iterator[tuple[Installation, Workspace]]:
    """Open the installation; the workspace is the live version, or the folder's files before the first apply."""
    written = read_folder(folder)
    installation = open_installation(folder, data)
    try:
        yield installation, installation.workspaces().get(written.name, written)
    finally:
        installation.close()


def _sources(workspace: Workspace, location: str | None, name: str | None) -> list[Source]:
    known = {source.name: source for source in workspace.catalog.source}
    if name is not None and name not in known:
        raise click.ClickException(f"catalog.toml has no source {name!r}; it has: {', '.join(known) or 'none'}")
    if location is None:
        chosen = [known[name]] if name else list(known.values())
        if not chosen:
            raise click.ClickException("catalog.toml has no source; name a file or an address, or add a [[source]]")
        return chosen
    place = location if is_address(location) else str(Path(location).resolve())
    if name is None and len(known) > 1:
        raise click.ClickException(f"say with --source which one {location} stands for: {', '.join(known)}")
    if not known:
        return [Source(name="file", location=place)]
    source = known[name] if name else next(iter(known.values()))
    return [msgspec.structs.replace(source, location=place)]


async def _import(
    installation: Installation, workspace: Workspace, chosen: list[Source], confirm_shrink: bool
) -> list[RunResult]:
    results = []
    with (
        tempfile.TemporaryDirectory(prefix="rekindle-fetch-") as work,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.completed:,.0f} items"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        ) as bar,
    ):
        inside = installation.settings.allow_private_addresses
        fetch, transport = Fetcher(Path(work), allow_private=inside), HttpTransport(allow_private=inside)
        importer = CatalogImport(
            workspace,
            installation.database,
            installation.blobs,
            fetch,
            installation.clock,
            base=installation.folder or Path(),
            accounts=_scheduler.accounts(installation, fetch, transport),
            inputs=_scheduler.inputs(installation),
        )
        for source in chosen:
            task = bar.add_task(source.name, total=None)

            def progress(number: int, task: TaskID = task) -> None:
                bar.update(task, completed=number)

            results.append(await importer.run(source, confirm_shrink=confirm_shrink, progress=progress))
        await transport.close()
    return results


def _show_result(result: RunResult) -> None:
    console = Console()
    colour = "green" if result.ok else "red"
    kind = f" as {result.kind}" if result.kind else ""
    line = Text.assemble(
        (result.status, f"bold {colour}"), f"  {result.source}: {result.place}{kind}, {result.items} items"
    )
    console.print(line)
    if result.message:
        console.print(Text(f"  {result.reason}: {result.message}", style=colour))
    if result.changes is not None:
        found = result.changes
        console.print(f"  {found.added} added, {found.changed} changed, {found.removed} removed", highlight=False)
    if not result.issues:
        return
    table = Table("", "code", "row", "id", "attribute", "found", "remedy", box=None)
    shown: dict[str, int] = {}
    for issue in result.issues:
        shown[issue.code] = shown.get(issue.code, 0) + 1
        if shown[issue.code] > 5:
            continue
        table.add_row(
            Text(issue.severity, style=_COLOURS[issue.severity]),
            issue.code,
            "" if issue.row is None else str(issue.row),
            Text(issue.id),
            Text(issue.attribute),
            Text(issue.value),
            Text(issue.remedy),
        )
    console.print(table)
    for code, number in result.codes.items():
        if number > 5:
            console.print(f"  {code}: {number} in all", highlight=False)


def _show_changes(console: Console, found: ChangeSet) -> None:
    for identity in found.added:
        console.print(Text(f"+ {identity}", style="green"))
    for identity, fields in found.changed.items():
        console.print(Text(f"~ {identity}: {', '.join(fields)}", style="yellow"))
    for identity in found.removed:
        console.print(Text(f"- {identity}", style="red"))
    if found.partial:
        console.print("… more; raise --limit to see them")
    elif not (found.added or found.changed or found.removed):
        console.print("no item differs")


def _worded(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, dict):
        return "\n".join(f"{name}: {text}" for name, text in value.items())
    return str(value)
