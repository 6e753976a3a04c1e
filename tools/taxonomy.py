"""Write Google's product taxonomy as one table: number, parent's number, English name, Polish name.

    python -m tools.taxonomy ENGLISH POLISH

Both are the files that Google publishes as https://www.google.com/basepages/producttype/taxonomy-with-ids.LOCALE.txt. A category
that one of them does not have yet has no name in that language.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rekindle.feeds import taxonomy

SEPARATOR = " > "


def read(path: Path) -> tuple[str, dict[int, str]]:
    """Return a file's version and its paths by number. Raises `ValueError` for a line that is no category."""
    version, paths = "", {}
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if line.startswith("#"):
            version = line.rpartition(":")[2].strip()
        elif line.strip():
            number, _, category = line.partition(" - ")
            paths[int(number)] = category.strip()
    return version, paths


def table(english: Path, polish: Path) -> str:
    """Return the table's text, a category behind its parent."""
    en_version, en = read(english)
    pl_version, pl = read(polish)
    numbers = {path: number for number, path in en.items()}
    lines = [f"# English {en_version}, Polish {pl_version}"]
    for number, path in sorted(en.items(), key=lambda each: each[1].split(SEPARATOR)):
        parent, _, leaf = path.rpartition(SEPARATOR)
        local = pl.get(number, "").rpartition(SEPARATOR)[2]
        lines.append(f"{number}\t{numbers[parent] if parent else ''}\t{leaf}\t{local}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    taxonomy.FILE.write_text(table(Path(sys.argv[1]), Path(sys.argv[2])), encoding="utf-8")
