"""Several stores as one: the first that has a secret gives it, the last that can keep one keeps it."""

from __future__ import annotations

from collections.abc import Sequence

from rekindle.engines.secrets.protocol import SecretMissing, Secrets


class ChainSecrets:
    """The environment before the sealed file, so that a container's secret wins over a stored one."""

    def __init__(self, stores: Sequence[Secrets]) -> None:
        self._stores = stores

    def get(self, name: str) -> str:
        """See `Secrets.get`."""
        missing: list[str] = []
        for store in self._stores:
            try:
                return store.get(name)
            except SecretMissing as error:
                missing.append(str(error.args[0]))
        raise SecretMissing("; ".join(missing))

    def put(self, name: str, value: str) -> None:
        """See `Secrets.put`."""
        self._stores[-1].put(name, value)

    def delete(self, name: str) -> None:
        """See `Secrets.delete`."""
        self._stores[-1].delete(name)

    def names(self) -> Sequence[str]:
        """See `Secrets.names`."""
        return sorted({name for store in self._stores for name in store.names()})
