"""`rekindle destinations`: try mappings and read answers, with no server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click
import msgspec

from rekindle.cli import _probe
from rekindle.cli._compose import one_workspace, open_installation
from rekindle.cli._destination_add import add
from rekindle.cli._options import installation_options
from rekindle.destinations.preview import answer_from, preview
from rekindle.destinations.preview_audience import preview_audience
from rekindle.egress.audience import AudienceModule, Operation
from rekindle.egress.connector import ConnectorModule, SettingsError
from rekindle.egress.quality import UNREAD, newest, readings
from rekindle.model.clock import parse_rfc3339, system_clock
from rekindle.model.discover import discover

_MOST_EVENTS = 100_000


@click.group("destinations")
def command() -> None:
    """Set up destinations, and try what they would be sent and what their answers mean.

    Of these, only `add` sends anything; `quality` shows what the worker asked.
    """


command.add_command(add)


@command.command("list")
def list_() -> None:
    """List the destinations there are, with their settings."""
    known = discover("rekindle.destinations")
    for name, why in known.set_aside.items():
        click.echo(f"{name}: {why}", err=True)
    for name, module in sorted(known.items()):
        manifest = cast(ConnectorModule, module).manifest
        click.echo(f"{name}: {manifest.title}" + (", for audiences" if manifest.kind == "audience" else ""))
        if manifest.unverified:
            click.echo(f"  ({manifest.unverified})")
        for setting in (*manifest.settings, *manifest.secrets):
            needed = " (required)" if setting.required else ""
            click.echo(f"  {setting.name}{needed}: {setting.help}")
        if manifest.oauth is not None:
            click.echo(f"  instead of {manifest.oauth.makes}, to renew it: {', '.join(manifest.oauth.seeds)}")


@command.command("quality")
@click.argument("name", required=False)
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="How far back it is told.")
@click.option("--for", "workspace", help="The workspace's name [default: the only one].")
@installation_options
def quality_(name: str | None, days: int, workspace: str | None, folder: Path, data: Path | None) -> None:
    """Show what the platforms say of the quality of what they get, newest first; NAME is one destination.

    Meta's event match quality, Pinterest's event quality, Google Ads' imported uploads, match rates and sizes of
    audiences. The worker asks once a day; where a platform did not tell, its reason is shown.
    """
    installation = open_installation(folder, data)
    try:
        found = readings(installation.database, one_workspace(installation, workspace), name, days)
    finally:
        installation.close()
    if not found:
        click.echo("nothing was told yet; the worker asks once a day")
    for now, earlier in newest(found):
        scope = f" {now.scope}" if now.scope else ""
        told = now.words if now.measure == UNREAD else f"{now.value:g} {now.unit}".strip()
        words = f" ({now.words})" if now.words and now.measure != UNREAD else ""
        before = ", ".join(f"{each.day} {each.value:g}" for each in earlier if each.measure != UNREAD)
        click.echo(
            f"{now.destination}: {now.measure}{scope}: {told}{words}, {now.day}" + (f"; {before}" if before else "")
        )


@command.command("preview")
def preview_() -> None:
    """Show the requests that events would become.

    Reads JSON Lines: {"id", "destination", "now", "config", "event"}; instead of "event" also "events": [...], or
    "repeat": n beside "event" for n copies with ids of their own. "config" holds the destination's settings with its
    secrets written out (use test ones); "consent" and "policy" in it stand for those documents.

    For an audience, instead of an event: "operation" (add or remove) and "users": [{"email", "phone", …, "consent"}];
    "consent" beside them stands for users that bring none. When nobody brings any, all are taken to have agreed.

    Writes {"id", "outcome": send | reject | blocked, "reasons": {event_id: reason}, "requests": [...]}.
    """
    _probe.run(_preview)


@command.command("classify")
def classify() -> None:
    """Say what a platform's answer means for each event of the request.

    Reads JSON Lines: {"id", "destination", "batch_size", "response": {"status", "headers", "body"}}.

    Writes {"id", "per_event": [delivered | accepted | retry | permanent | split | hold], "credential_action": refresh
    | stop | null, "retry": {"after_ms", "throttled"} | null}.
    """
    _probe.run(_classify)


def _preview(given: dict[str, Any]) -> dict[str, Any]:
    module = _module(given)
    config = given.get("config") or {}
    if not isinstance(config, dict):
        raise _probe.ProbeError('"config" must be an object of settings')
    try:
        now_ms = _now(given.get("now"))
        if module.manifest.kind == "audience":
            operation, users = _users(given)
            people = cast(AudienceModule, module)
            found = preview_audience(people, config, operation, users, now_ms, given.get("consent"))
        else:
            found = preview(cast(ConnectorModule, module), config, _events(given), now_ms)
    except SettingsError as error:
        raise _probe.ProbeError(str(error)) from None
    return {"outcome": found.outcome, "reasons": found.reasons, "requests": found.requests}


def _classify(given: dict[str, Any]) -> dict[str, Any]:
    size, response = given.get("batch_size", 1), given.get("response")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= _MOST_EVENTS:
        raise _probe.ProbeError(f'"batch_size" must be a number from 1 to {_MOST_EVENTS}')
    if not isinstance(response, dict) or not isinstance(response.get("status"), int):
        raise _probe.ProbeError('"response" must be {"status": number, "headers": {...}, "body": ...}')
    verdict = _module(given).classify(answer_from(response), size)
    retry = None if verdict.retry is None else msgspec.to_builtins(verdict.retry)
    return {
        "per_event": list(verdict.per_event),
        "credential_action": verdict.credential_action,
        "retry": retry,
        "words": verdict.words,
    }


def _module(given: dict[str, Any]) -> ConnectorModule | AudienceModule:
    modules = discover("rekindle.destinations")
    name = given.get("destination")
    if name not in modules:
        raise _probe.ProbeError(f"there is no destination {name!r}; there are {', '.join(sorted(modules))}")
    return cast(ConnectorModule | AudienceModule, modules[str(name)])


def _events(given: dict[str, Any]) -> list[Any]:
    if "events" in given:
        if not isinstance(given["events"], list):
            raise _probe.ProbeError('"events" must be a list')
        return given["events"]
    if "event" not in given:
        raise _probe.ProbeError('give "event", "events", or "repeat" with "event"')
    event, count = given["event"], given.get("repeat", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST_EVENTS:
        raise _probe.ProbeError(f'"repeat" must be a number from 1 to {_MOST_EVENTS}')
    if count == 1 or not isinstance(event, dict):
        return [event] * count
    return [event | {"event_id": f"{event.get('event_id', 'event')}-{number}"} for number in range(1, count + 1)]


def _users(given: dict[str, Any]) -> tuple[Operation, list[Any]]:
    if given.get("operation") not in ("add", "remove"):
        raise _probe.ProbeError('"operation" must be "add" or "remove": this destination holds an audience')
    users = given.get("users")
    if not isinstance(users, list) or len(users) > _MOST_EVENTS:
        raise _probe.ProbeError(f'"users" must be a list of at most {_MOST_EVENTS} users')
    return given["operation"], users


def _now(given: Any) -> int:
    if given is None:
        return system_clock()
    if isinstance(given, str):
        try:
            return parse_rfc3339(given)
        except ValueError:
            pass
    raise _probe.ProbeError('"now" must be RFC 3339, such as 2026-09-01T12:00:00Z')
