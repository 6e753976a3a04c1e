"""Secrets from environment variables: ``REKINDLE_SECRET_META_TOKEN``, or ``…_FILE`` naming a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rekindle.engines.secrets.protocol import SecretMissing

_PREFIX = "REKINDLE_SECRET_"


class EnvironmentSecrets:
    """Read-only; a ``…_FILE`` variable wins, as in containers."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> str:
        """See `Secrets.get`."""
        variable = _PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())
        file = self._environment.get(f"{variable}_FILE")
        if file is not None:
            return Path(file).read_text(encoding="utf-8").rstrip("\n")
        try:
            return self._environment[variable]
        except KeyError:
            raise SecretMissing(f"secret {name!r} is not set: set {variable} or {variable}_FILE") from None

    def put(self, name: str, value: str) -> None:
        """See `Secrets.put`."""
        raise PermissionError("secrets from the environment are read-only; set the variable and restart")

    def delete(self, name: str) -> None:
        """See `Secrets.delete`."""
        raise PermissionError("secrets from the environment are read-only; unset the variable and restart")

    def names(self) -> Sequence[str]:
        """See `Secrets.names`."""
        found = {
            key.removeprefix(_PREFIX).removesuffix("_FILE").lower()
            for key in self._environment
            if key.startswith(_PREFIX)
        }
        return sorted(found)
