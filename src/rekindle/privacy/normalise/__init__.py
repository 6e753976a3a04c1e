"""Identifiers as each ad platform wants them: one normaliser for each platform, because their rules differ.

Every sub-module has a `PLATFORM` with `normalise(field, value, context)` and `digest(field, value, …)`.
"""

from __future__ import annotations

from collections.abc import Mapping

from rekindle.privacy.normalise import (
    amazon,
    criteo,
    google,
    linkedin,
    meta,
    microsoft,
    pinterest,
    reddit,
    snapchat,
    tiktok,
)
from rekindle.privacy.normalise.rules import OTHER_CHOICES, Context, Normalised, Platform

PLATFORMS: Mapping[str, Platform] = {
    module.PLATFORM.name: module.PLATFORM
    for module in (meta, google, tiktok, pinterest, snapchat, microsoft, reddit, criteo, linkedin, amazon)
}
"""The platforms by name."""

__all__ = ["OTHER_CHOICES", "PLATFORMS", "Context", "Normalised", "Platform"]
