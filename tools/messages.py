"""Read the console's texts anew: `python -m tools.messages` rewrites the template and merges it into each language.

A text that was changed loses its translation here, and the tests name it until it has one again.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

SOURCE = Path(__file__).parents[1] / "src" / "rekindle"
CONSOLE = SOURCE / "console"
# Words that more than the console uses stand in the model.
_FOLDERS = (CONSOLE, SOURCE / "model")
LOCALE = CONSOLE / "locale"
TEMPLATE = LOCALE / "console.pot"
_NOISE = tuple(
    f'"{name}' for name in ("Project-Id", "Report-", "POT-", "PO-", "Last-", "Language-Team", "Generated-By")
)
_METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_OPTIONS = {"**/templates/**.html": {"trimmed": "false", "trim_blocks": "true", "lstrip_blocks": "true"}}


def extract() -> Catalog:
    """Return every text of templates and code, in a stable order, without line numbers."""
    catalog = Catalog(project="Rekindle console", charset="utf-8", header_comment="# Texts of the console.")
    for folder in _FOLDERS:
        found = extract_from_dir(str(folder), method_map=_METHODS, options_map=_OPTIONS)
        for filename, _line, message, comments, context in sorted(found, key=lambda each: (str(each[0]), each[1])):
            place = filename.replace("\\", "/") if folder == CONSOLE else f"{folder.name}/{filename}"
            catalog.add(message, None, [(place, 0)], auto_comments=comments, context=context)
    return catalog


def merged(language: str, template: Catalog) -> Catalog:
    """Return one language's catalogue with exactly the template's texts."""
    path = catalogue(language)
    existing = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)
    existing.update(template, no_fuzzy_matching=True)
    existing.obsolete.clear()
    return existing


def catalogue(language: str) -> Path:
    """Return the path of a language's catalogue."""
    return LOCALE / language / "LC_MESSAGES" / "console.po"


def text(catalog: Catalog) -> str:
    """Return a catalogue as it is written; without the header's dates and names, which would differ every time."""
    out = io.BytesIO()
    write_po(out, catalog, width=120, include_lineno=False, omit_header=catalog.locale is None, sort_output=True)
    kept = [line for line in out.getvalue().decode().splitlines() if not line.startswith(_NOISE)]
    return "\n".join(kept).rstrip() + "\n"


def main() -> None:
    """Write the template and every language."""
    template = extract()
    TEMPLATE.write_text(text(template), encoding="utf-8")
    for folder in sorted(LOCALE.iterdir()):
        if folder.is_dir():
            catalogue(folder.name).write_text(text(merged(folder.name, template)), encoding="utf-8")


if __name__ == "__main__":
    main()
