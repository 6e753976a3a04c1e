"""How the master key is kept: as it is, in a file or the environment, or wrapped by another system."""

from rekindle.engines.keys.plain import PlainKey
from rekindle.engines.keys.protocol import KeyUnavailable, KeyWrapping
from rekindle.engines.keys.vault_transit import VaultTransit

__all__ = ["KeyUnavailable", "KeyWrapping", "PlainKey", "VaultTransit"]
