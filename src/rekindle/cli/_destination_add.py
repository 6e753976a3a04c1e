"""`rekindle destinations add`: ask for what an account needs, write its file, try it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._destination_defaults import feed_of, meant, refuse_unknown, with_country
from rekindle.cli._destination_file import destination_toml
from rekindle.cli._destination_try import NotSent, send_test_event
from rekindle.cli._documents import author, read_folder
from rekindle.cli._options import installation_options
from rekindle.egress.connector import ConnectorModule, Manifest, Setting, SettingsError
from rekindle.egress.options import LaneOptions, take_apart
from rekindle.model.discover import discover
from rekindle.workspace import Destination, Workspace

# Settings by which connectors send without anything being counted, the safest first.
_SWITCHES = ("validate_only", "validate", "test", "debug")
_CODES = ("test_event_code", "test_id")


@click.command("add")
@click.argument("name")
@click.option("--kind", help="The platform, as `rekindle destinations list` names it [default: NAME].")
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="A setting; what is not given is asked for.")
@click.option("--secret", "stored", multiple=True, metavar="KEY=NAME", help="Use a secret that is stored already.")
@click.option("--feed", help="The feed whose ids the platform knows.")
@click.option("--audience", help="The audience whose members the platform shall have, for an audience's destination.")
@click.option("--renew", is_flag=True, help="Give the means to renew the access token, instead of a token.")
@click.option("--send/--no-send", "send", default=None, help="Send a test event, or do not ask.")
@click.option("--test-code", help="The platform's code for test events; used for this one, not written.")
@click.option("--author", "who", help="Who does this, for the ledger [default: your account's name].")
@installation_options
def add(
    name: str, kind: str | None, given: tuple[str, ...], stored: tuple[str, ...], feed: str | None,
    audience: str | None, renew: bool, send: bool | None, test_code: str | None, who: str | None, folder: Path, data: Path | None,
) -> None:  # fmt: skip
    """Set up destination NAME: ask for its settings and secrets, write destinations/NAME.toml, send a test event.

    Secrets are stored sealed and never written into the file. The consent rule in the file is the suggested one: read
    it. Nothing is live until `rekindle apply`.
    """
    workspace = read_folder(folder)
    module = _module(kind or name)
    manifest = module.manifest
    path = folder / "destinations" / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name) or path.exists():
        raise click.ClickException(f"{path} is there already" if path.exists() else f"{name!r} cannot be a name")
    settings = pairs(given)
    refuse_unknown(manifest, settings)
    audience = _audience(manifest, workspace, audience)
    click.echo(f"{manifest.title}")
    if manifest.unverified:
        click.secho(manifest.unverified, fg="yellow")
    feed = feed_of(manifest, workspace, feed)
    answers = with_country(manifest, workspace, _settings(manifest, settings))
    installation = open_installation(folder, data)
    try:
        names, values = _secrets(manifest, name, pairs(stored), renew)
        written: dict[str, Any] = answers | {key: {"secret": stored_as} for key, stored_as in names.items()}
        document = Destination(
            kind=manifest.name, consent=manifest.consent, feed=feed, audience=audience, settings=written
        )
        _check(module, written, names, lambda key: values[key] if key in values else installation.secrets.get(key))
        for kept, value in values.items():
            installation.secrets.put(kept, value)
            installation.record("", author(who), "secret.set", kept)
        path.parent.mkdir(exist_ok=True)
        path.write_text(destination_toml(document, manifest.title), encoding="utf-8")
        click.echo(f"Wrote {path}. Read its consent rule: {', '.join(document.consent.consent_mode)} must be granted.")
        if manifest.kind == "events" and manifest.oauth is not None and names.keys() >= set(manifest.oauth.seeds):
            click.echo("The first token is asked for when the worker runs, so no test event is sent now.")
        elif manifest.kind == "events":
            _try(installation, workspace, name, document, module, answers, names, send, test_code)
        else:
            click.echo("Lists hold real people, so nobody is sent as a test; see `rekindle destinations preview`.")
    finally:
        installation.close()
    click.echo("Next: `rekindle plan`, then `rekindle apply`.")


def _module(kind: str) -> ConnectorModule:
    modules = discover("rekindle.destinations")
    if kind not in modules:
        known = ", ".join(sorted(modules))
        raise click.ClickException(f"there is no platform {kind!r}{meant(kind, modules)}; name it with --kind: {known}")
    return cast(ConnectorModule, modules[kind])


def _audience(manifest: Manifest, workspace: Workspace, given: str | None) -> str | None:
    """Return the audience that goes there; ask where one is needed and none was given."""
    if manifest.kind != "audience":
        if given is not None:
            raise click.ClickException(f"{manifest.name} takes events; leave out --audience")
        return None
    known = sorted(workspace.audiences)
    if not known:
        raise click.ClickException(f"{manifest.name} takes an audience, and there is none; write audiences/NAME.toml")
    if given is None:
        given = click.prompt("audience", type=click.Choice(known))
    if given not in known:
        raise click.ClickException(f"there is no audience {given!r}; there are: {', '.join(known)}")
    return given


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """Read ``KEY=VALUE`` options. Raises `click.ClickException`."""
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not value:
            raise click.ClickException(f"{text!r}: write KEY=VALUE")
        found[key] = value
    return found


def _settings(manifest: Manifest, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that were given, and ask for the required ones that were not."""
    settings: dict[str, Any] = {key: _typed(key, value) for key, value in given.items()}
    for setting in manifest.settings:
        if (setting.required or setting.asked) and setting.name not in settings:
            empty = None if setting.required else ""
            told = click.prompt(f"{setting.name} ({setting.help})", type=str, default=empty, show_default=False).strip()
            if told:
                settings[setting.name] = told
    return settings


def _typed(key: str, text: str) -> Any:
    """Read a value from the command line: yes or no, numbers where ours want them, JSON where it begins like it."""
    if key == "per_second" and re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return float(text)
    if key in LaneOptions.__struct_fields__:
        return int(text) if text.isdecimal() else text
    if text in ("true", "false"):
        return text == "true"
    if text[0] in "{[":
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise click.ClickException(f"{key}: {error}") from None
    return int(text) if key == "batch" and text.isdecimal() else text


def _secrets(
    manifest: Manifest, name: str, stored: Mapping[str, str], renew: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Return each secret's name in the store, and the values that are not there yet, by that name."""
    wanted = [setting for setting in manifest.secrets if setting.required]
    if renew:
        if manifest.oauth is None:
            raise click.ClickException(f"{manifest.name} renews no tokens; leave out --renew")
        wanted = [setting for setting in wanted if setting.name != manifest.oauth.makes]
        wanted += [Setting(seed, f"to renew {manifest.oauth.makes}") for seed in manifest.oauth.seeds]
    names, values = dict(stored), dict[str, str]()
    for setting in wanted:
        if setting.name in names:
            continue
        value = click.prompt(f"{setting.name} ({setting.help})", hide_input=True).strip()
        names[setting.name] = f"{name}_{setting.name}"
        values[names[setting.name]] = value
    return names, values


def _check(
    module: ConnectorModule, written: Mapping[str, Any], names: Mapping[str, str], secret: Callable[[str], str]
) -> None:
    """Configure the account as a lane would. Raises `click.ClickException` before anything is written."""
    try:
        parts = take_apart(module.manifest, written)
        if not parts.seeds:
            module.configure(parts.settings, {key: secret(stored) for key, stored in names.items()})
    except (SettingsError, LookupError) as error:
        raise click.ClickException(f"{error.args[0]}; nothing was written") from None


def _try(
    installation: Installation, workspace: Workspace, name: str, document: Destination, module: ConnectorModule,
    settings: Mapping[str, Any], names: Mapping[str, str], send: bool | None,
    code: str | None,
) -> None:  # fmt: skip
    test = _test_settings(module.manifest, code)
    how = f" ({', '.join(test)}: it is not counted)" if test else " (no test mode, or no --test-code: it is counted)"
    if not (click.confirm(f"Send a test event{how}?", default=bool(test)) if send is None else send):
        return
    own = {key: value for key, value in settings.items() if key not in LaneOptions.__struct_fields__}
    secrets = {key: installation.secrets.get(stored) for key, stored in names.items()}
    origin = workspace.shop.origins[0] if workspace.shop.origins else "https://shop.example"
    try:
        told = send_test_event(
            installation,
            workspace.name,
            origin,
            workspace.shop.country,
            name,
            document,
            workspace.policy,
            module,
            own | test,
            secrets,
        )
    except (NotSent, SettingsError) as error:
        click.secho(f"No test event was sent: {error}", fg="yellow")
        return
    result = told.verdict.per_event[0]
    answered = f"HTTP {told.status}" if told.status is not None else "no answer"
    click.secho(f"{told.event} to {told.url}: {result}, {answered}", fg="green" if result in _GOOD else "red")
    if told.said:
        click.echo(f"  {told.said}")


_GOOD = ("delivered", "accepted")


def _test_settings(manifest: Manifest, code: str | None) -> dict[str, Any]:
    """Return the settings that make the event a test: a switch, or the platform's code for it."""
    known = {setting.name for setting in manifest.settings}
    for name in _CODES:
        if code is not None and name in known:
            return {name: code}
    return next(({name: True} for name in _SWITCHES if name in known), {})
