"""The master key as it is: whoever reads the file or the variable has it."""

from __future__ import annotations

from rekindle.engines.keys.protocol import KEY_BYTES, KeyUnavailable


class PlainKey:
    """64 hexadecimal characters, from a file or the environment."""

    def wrap(self, key: bytes) -> str:
        """See `KeyWrapping.wrap`."""
        return key.hex()

    def unwrap(self, kept: str) -> bytes:
        """See `KeyWrapping.unwrap`."""
        if kept.startswith("vault:"):
            raise KeyUnavailable("the master key is wrapped by Vault; set REKINDLE_VAULT_ADDR and its token file")
        try:
            key = bytes.fromhex(kept)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyUnavailable(f"the master key must be {2 * KEY_BYTES} hexadecimal characters")
        return key

    def rewrap(self, kept: str) -> str:
        """See `KeyWrapping.rewrap`. Nothing wraps a plain key, so it stays as it is."""
        return self.unwrap(kept).hex()
