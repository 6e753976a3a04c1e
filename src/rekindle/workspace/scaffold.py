"""Write the starting files of a new workspace."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template


def scaffold(folder: Path, words: Mapping[str, str]) -> list[Path]:
    """Write every starting file that is not there yet; return the paths written.

    ``words`` fills the placeholders: name, title, origin, country, currency, language, catalog, headline.
    """
    written: list[Path] = []
    _copy(files("rekindle.workspace").joinpath("starter"), folder, _quoted(words), written)
    return written


def _copy(source: Traversable, target: Path, words: Mapping[str, str], written: list[Path]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir(), key=lambda item: item.name):
        path = target / entry.name
        if entry.is_dir():
            _copy(entry, path, words, written)
        elif not path.exists():
            path.write_text(Template(entry.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
            written.append(path)


def _quoted(words: Mapping[str, str]) -> dict[str, str]:
    # The words land inside TOML basic strings.
    return {key: word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for key, word in words.items()}
