"""A destination document's settings, taken apart: the lane's own, the connector's, and the names of its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec

from rekindle.egress.connector import Connector, ConnectorModule, Manifest, OAuth, SettingsError
from rekindle.egress.wording import explained

_Settings = TypeVar("_Settings", bound=msgspec.Struct)


class LaneOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings every destination has.

    ``unknown_ids``: what happens to items that are not in the destination's published feed: ``drop`` sends the event
    without them, ``reject`` does not send it. ``per_second``: requests a second on average, at most; one
    second's may go at once. ``concurrency``: open requests at the utmost (1 to 64); how many there are is found out.
    ``first_sync``: whether a platform that can do so replaces a list that is told for the first time (``replace``), or
    people are added to what it holds already (``add``).
    ``secret_expires``: the day on which a secret that does not renew itself ends, as its platform told when it was
    made; ``warn_days`` (1 to 365) before that the console and the metrics say so.
    """

    unknown_ids: Literal["drop", "reject"] = "drop"
    per_second: float | None = None
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    first_sync: Literal["replace", "add"] = "replace"
    secret_expires: date | None = None
    warn_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14


class Configures(Protocol):
    """What has settings and secrets: a module of events or of an audience."""

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> object:
        """Check settings and secrets. Raises `SettingsError`."""
        ...


class WrongSetting(SettingsError):
    """It is the document that is wrong, whatever the secrets are."""


class Parts(msgspec.Struct, frozen=True):
    """``secrets`` maps the connector's secret to the name it has in the secret store.

    ``seeds`` does so for the means of an account that renews its token (`Manifest.oauth`); the token itself then has
    the name `token_name`.
    """

    options: LaneOptions
    settings: dict[str, Any]
    secrets: dict[str, str]
    seeds: dict[str, str] = {}


def token_name(seeds: Mapping[str, str]) -> str:
    """Return the name of the token that is made from ``seeds``; no secret of the store can have it."""
    return f"oauth:{seeds.get('refresh_token') or seeds.get('client_secret', '')}"


def take_apart(manifest: Manifest, settings: Mapping[str, Any]) -> Parts:
    """Split a document's ``settings``. Raises `SettingsError`, also when a secret is written where its name belongs."""
    own = {key: value for key, value in settings.items() if key in LaneOptions.__struct_fields__}
    try:
        options = msgspec.convert(own, LaneOptions)
    except msgspec.ValidationError as error:
        raise WrongSetting(f"{manifest.name}: {explained(error, LaneOptions, own)}") from None
    secrets: dict[str, str] = {}
    rest: dict[str, Any] = {}
    names = {setting.name: setting for setting in manifest.secrets}
    means = manifest.oauth.seeds if manifest.oauth else ()
    for key, value in settings.items():
        if key in names or key in means:
            if not (isinstance(value, dict) and set(value) == {"secret"} and isinstance(value["secret"], str)):
                raise SettingsError(
                    f"{manifest.name}: {key} is a secret and is never written here; "
                    f'store it and write {key} = {{ secret = "its_name" }}'
                )
            secrets[key] = value["secret"]
        elif key not in own:
            rest[key] = value
    seeds = {key: secrets[key] for key in means if key in secrets}
    if manifest.oauth and seeds:
        _check_means(manifest, manifest.oauth, secrets)
        secrets = {key: name for key, name in secrets.items() if key in names and key not in seeds}
        secrets[manifest.oauth.makes] = token_name(seeds)
    for name, setting in names.items():
        if setting.required and name not in secrets:
            raise SettingsError(f'{manifest.name}: {name} is missing; write {name} = {{ secret = "its_name" }}')
    _check_names(manifest, rest)
    return Parts(options, rest, secrets, seeds)


def _check_means(manifest: Manifest, oauth: OAuth, secrets: Mapping[str, str]) -> None:
    if missing := [seed for seed in oauth.seeds if seed not in secrets]:
        raise SettingsError(f"{manifest.name}: to renew {oauth.makes}, name these secrets too: {', '.join(missing)}")
    if oauth.makes in secrets:
        raise SettingsError(f"{manifest.name}: give {oauth.makes}, or {', '.join(oauth.seeds)} to renew it; not both")


def configurator(module: ConnectorModule, parts: Parts) -> Callable[[Mapping[str, str]], Connector]:
    """Return a function from secret values to the configured account, for when a secret changes."""

    def configure(secrets: Mapping[str, str]) -> Connector:
        return module.configure(parts.settings, secrets)

    return configure


def try_settings(module: Configures, parts: Parts) -> None:
    """Have the connector read the settings of a document whose secrets may still come. Raises `WrongSetting`."""
    try:
        module.configure(parts.settings, dict.fromkeys(parts.secrets, "-"))
    except WrongSetting:
        raise
    except Exception:  # noqa: BLE001 - what it says of a secret, or makes of this one, is said of none that is stored
        return


def check_settings(
    manifest: Manifest, settings: Mapping[str, Any], secrets: Mapping[str, str], kind: type[_Settings]
) -> _Settings:
    """Return ``settings`` as ``kind``, numbers where ids belong read as text. For connectors' `configure`.

    Raises `SettingsError` naming key and remedy.
    """
    _check_names(manifest, settings)
    for setting in manifest.secrets:
        if setting.required and not secrets.get(setting.name):
            raise SettingsError(f"{manifest.name}: the secret {setting.name} is missing: {setting.help}")
    try:
        checked = msgspec.convert(_ids_and_numbers(settings, kind), kind)
    except msgspec.ValidationError as error:
        raise WrongSetting(f"{manifest.name}: {explained(error, kind, settings)}") from None
    batch = getattr(checked, "batch", 1)
    if not 1 <= batch <= manifest.limits.batch:
        raise WrongSetting(
            f"{manifest.name}: batch = {batch} cannot be used; write a whole number from 1 to {manifest.limits.batch}"
        )
    return checked


def _ids_and_numbers(settings: Mapping[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return ``settings`` with numbers as text where text belongs, and text as a number where a number does.

    Platforms name accounts by numbers, and on a command line everything is text.
    """
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}

    def read(key: str, value: Any) -> Any:
        if types.get(key) in (str, str | None) and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if types.get(key) in (int, int | None) and isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        return value

    return {key: read(key, value) for key, value in settings.items()}


def _check_names(manifest: Manifest, settings: Mapping[str, Any]) -> None:
    known = {setting.name for setting in manifest.settings}
    for key in settings:
        if key not in known:
            raise SettingsError(f"{manifest.name}: unknown setting {key!r}; there are {', '.join(sorted(known))}")
    for setting in manifest.settings:
        if setting.required and not settings.get(setting.name):
            raise SettingsError(f"{manifest.name}: {setting.name} is missing: {setting.help}")
