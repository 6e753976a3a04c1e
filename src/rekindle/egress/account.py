"""Open a destination's account outside its lane (`rekindle.egress.asking`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rekindle.egress._prepare import fingerprint
from rekindle.egress.connector import Manifest, SettingsError
from rekindle.egress.options import take_apart
from rekindle.engines.secrets import SecretMissing
from rekindle.workspace import Destination


class AccountUnusable(Exception):
    """The account cannot be opened now; the message says why, and never a secret."""


class Opened(NamedTuple):
    """A connector's module, the configured account, a name for its secrets' values, and its quota of requests a second."""

    module: Any
    account: Any
    mark: str
    per_second: float | None


class Accounts:
    """Opens accounts with their newest secrets.

    ``secret`` returns a workspace's secret or renewed token by name; ``destination`` a workspace's destination by
    name, where it is still configured.
    """

    def __init__(
        self,
        modules: Mapping[str, Any],
        secret: Callable[[str, str], str],
        destination: Callable[[str, str], Destination | None],
    ) -> None:
        self._modules = modules
        self._secret = secret
        self._destination = destination

    def kind(self, workspace: str, name: str) -> tuple[Destination, Any] | None:
        """Return the destination's document and its connector's module; None when it is not configured any more."""
        destination = self._destination(workspace, name)
        module = self._modules.get(destination.kind) if destination is not None else None
        return None if destination is None or module is None else (destination, module)

    def open(self, workspace: str, name: str) -> Opened:
        """Return the account, ready to be asked. Raises `AccountUnusable`."""
        found = self.kind(workspace, name)
        if found is None:
            raise AccountUnusable(
                "the destination is not configured any more; put it back, or tell the platform by hand"
            )
        destination, module = found
        manifest: Manifest = module.manifest
        try:
            parts = take_apart(manifest, destination.settings)
            secrets = {key: self._secret(workspace, named) for key, named in parts.secrets.items()}
            account = module.configure(parts.settings, secrets)
        except (SettingsError, SecretMissing) as error:
            raise AccountUnusable(str(error)) from None
        rate = parts.options.per_second or manifest.limits.per_second
        return Opened(module, account, fingerprint(secrets), rate)
