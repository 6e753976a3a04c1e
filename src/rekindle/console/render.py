"""Templates: one environment for each language, always escaping, with undefined names as errors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from rekindle.console import words
from rekindle.console.language import LANGUAGES, Format, translations
from rekindle.model.clock import rfc3339


@cache
def assets() -> Mapping[str, tuple[str, bytes]]:
    """Return every static file by name, with the start of its SHA-256: the digest in the address makes it cacheable."""
    folder = files("rekindle.console") / "static"
    found = {}
    for entry in folder.iterdir():
        content = entry.read_bytes()
        found[entry.name] = (hashlib.sha256(content).hexdigest()[:16], content)
    return found


def asset(name: str) -> str:
    """Return the address of a static file."""
    digest, _ = assets()[name]
    return f"/static/{digest}/{name}"


@cache
def environment(language: str) -> jinja2.Environment:
    """Return the templates as one language shows them."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("rekindle.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"asset": asset, "f": Format(language), "language": language, "languages": LANGUAGES}
    made.globals |= {"words": words.words_of(language)}
    made.filters["rfc3339"] = rfc3339
    return made


def render(template: str, language: str, context: Mapping[str, Any]) -> str:
    """Return a page. What comes from outside is escaped by the templates."""
    return environment(language).get_template(template).render(context)
