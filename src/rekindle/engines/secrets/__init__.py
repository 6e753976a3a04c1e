"""Secrets by name: from the environment, or from a sealed file beside the data."""

from rekindle.engines.secrets.chain import ChainSecrets
from rekindle.engines.secrets.environment import EnvironmentSecrets
from rekindle.engines.secrets.protocol import SecretMissing, Secrets
from rekindle.engines.secrets.sealed_file import SealedFileSecrets

__all__ = ["ChainSecrets", "EnvironmentSecrets", "SealedFileSecrets", "SecretMissing", "Secrets"]
