"""One folder per channel: ``spec.toml`` (dated facts), the mapping from products, and the writer."""

NEEDS = ("CHANNEL",)
