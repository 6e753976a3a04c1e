"""Two ways to change a workspace, its folder and the console: what one would undo of the other, and bringing it over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rekindle.workspace.diff import Change, changes
from rekindle.workspace.documents import Workspace
from rekindle.workspace.load import documents_of
from rekindle.workspace.writing import merged


class Pulled(msgspec.Struct, frozen=True):
    """Files that were written, and those that were left because both sides changed them; paths within the folder."""

    written: Sequence[str]
    left: Sequence[str]


def undone(base: Workspace | None, live: Workspace | None, wanted: Workspace) -> list[Change]:
    """Return what was changed elsewhere, from ``base`` to ``live``, and would be lost with ``wanted``.

    ``base`` is what the folder last made live. An entry that was added to a list is kept where ``wanted`` has it, too.
    """
    if base is None or live is None:
        return []
    lost = {change.path: change for change in changes(live, wanted)}
    return [change for change in changes(base, live) if any(_undoes(lost[path], change) for path in lost)]


def _undoes(lost: Change, made: Change) -> bool:
    if lost.path == made.path:
        return not (isinstance(made.after, list) and isinstance(lost.after, list) and _kept(made, lost.after))
    return lost.path.startswith(f"{made.path}.") or made.path.startswith(f"{lost.path}.")


def _kept(made: Change, wanted: list[Any]) -> bool:
    before = made.before or []
    added = [each for each in made.after if each not in before]
    gone = [each for each in before if each not in made.after]
    return all(each in wanted for each in added) and not any(each in wanted for each in gone)


def pull(folder: Path, base: Workspace | None, live: Workspace, here: Workspace, overwrite: bool = False) -> Pulled:
    """Write what was changed elsewhere into the folder's files; comments and order stay where they can.

    ``here`` is what the folder says now. A file that was changed here, too, is left as it is, unless ``overwrite``. What
    is not live is never deleted here.
    """
    before, mine = documents_of(base or here), documents_of(here)
    written, left = [], []
    for place, document in documents_of(live).items():
        old, now = before.get(place), mine.get(place)
        if document == now or (document == old and not overwrite):
            continue
        if now != old and not overwrite:
            left.append(place)
            continue
        path = folder / place
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        _replace(path, merged(text, now if text else None, document))
        written.append(place)
    return Pulled(written, left)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
