"""Read a workspace's folder of TOML files into typed documents, and say exactly what is wrong where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rekindle.workspace.documents import (
    Audience,
    Campaign,
    Catalog,
    Destination,
    Document,
    Feed,
    Policy,
    Quality,
    Shop,
    Tag,
    Workspace,
)

D = TypeVar("D", bound=Document)

# A folder of documents, one file each, named by the file's stem.
_FOLDERS: Mapping[str, type[Document]] = {
    "feeds": Feed,
    "destinations": Destination,
    "audiences": Audience,
    "campaigns": Campaign,
}
_FILES: Mapping[str, tuple[str, type[Document]]] = {
    "shop": ("shop.toml", Shop),
    "catalog": ("catalog.toml", Catalog),
    "policy": ("policy.toml", Policy),
    "tag": ("tags/tag.toml", Tag),
    "quality": ("quality.toml", Quality),
}


class WorkspaceError(ValueError):
    """The folder cannot be used; ``problems`` are sentences of the form ``file: place: what, and the remedy``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_folder(folder: Path) -> Workspace:
    """Read the folder. Raises `WorkspaceError` with every problem found, not only the first."""
    problems: list[str] = []
    parts: dict[str, Any] = {}
    if not (folder / "shop.toml").is_file():
        raise WorkspaceError([f"{folder}: shop.toml is missing: run `rekindle init {folder}`, or check the path"])
    for part, (name, kind) in _FILES.items():
        document = _read(folder, folder / name, kind, problems) if (folder / name).is_file() else None
        if document is not None:
            parts[part] = document
    for part, kind in _FOLDERS.items():
        parts[part] = {}
        for path in sorted((folder / part).glob("*.toml")):
            document = _read(folder, path, kind, problems)
            if document is not None:
                parts[part][path.stem] = document
    if not problems:
        workspace = Workspace(**parts)
        problems = references(workspace)
        if not problems:
            return workspace
    raise WorkspaceError(problems)


def documents_of(workspace: Workspace) -> Mapping[str, Document]:
    """Return every document of a workspace by its file's place within the folder."""
    found: dict[str, Document] = {name: getattr(workspace, part) for part, (name, _kind) in _FILES.items()}
    for part in _FOLDERS:
        found |= {f"{part}/{stem}.toml": document for stem, document in getattr(workspace, part).items()}
    return found


def references(workspace: Workspace) -> list[str]:
    """Return what the documents say of each other and is not so."""
    problems = []
    for name, destination in workspace.destinations.items():
        if destination.feed is not None and destination.feed not in workspace.feeds:
            known = ", ".join(sorted(workspace.feeds)) or "none"
            problems.append(
                f"destinations/{name}.toml: feed = {destination.feed!r} is not a feed here (there are: {known});"
                f" add feeds/{destination.feed}.toml or name another"
            )
    for name, destination in workspace.destinations.items():
        if destination.audience is not None and destination.audience not in workspace.audiences:
            problems.append(
                f"destinations/{name}.toml: audience = {destination.audience!r} is not there;"
                f" there are: {', '.join(sorted(workspace.audiences)) or 'none'}"
            )
    for name, audience in workspace.audiences.items():
        if audience.rule == "cart_abandoned" and audience.after is None:
            problems.append(f'audiences/{name}.toml: cart_abandoned needs after, the wait before it counts, e.g. "30m"')
    placements: dict[str, str] = {}
    for name, campaign in workspace.campaigns.items():
        if campaign.placement in placements:
            problems.append(
                f"campaigns/{name}.toml: placement = {campaign.placement!r} is also in"
                f" campaigns/{placements[campaign.placement]}.toml; each placement belongs to one campaign"
            )
        placements[campaign.placement] = name
    for origin in workspace.shop.origins:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            problems.append(
                f"shop.toml: origins: {origin!r} is not an origin; write scheme and host, e.g. https://shop.example"
            )
    problems += _consent_categories(workspace)
    if not workspace.shop.origins:
        problems.append("shop.toml: origins is empty; name the shop's own origin, e.g. https://shop.example")
    return problems


def _consent_categories(workspace: Workspace) -> list[str]:
    """Say what is missing where the tag asks a CMP: which of its categories means what."""
    tag = workspace.tag
    banners = [name for name in tag.consent_source if name not in ("consent_mode", "tcf", "gpp", "none")]
    if not banners:
        if not tag.consent_categories:
            return []
        return [
            "tags/tag.toml: consent_categories has no CMP to ask; name it in consent_source, or take the mapping out"
        ]
    if "none" in tag.consent_source:
        return [f'tags/tag.toml: consent_source: "none" asks nobody, and {banners[0]!r} is to be asked; take one out']
    mapped = {signal for signals in tag.consent_categories.values() for signal in signals}
    missing = [signal for signal in workspace.policy.store_with if signal not in mapped]
    if not missing or (tag.consent_categories and {"consent_mode", "tcf"} & set(tag.consent_source)):
        return []
    return [
        f"tags/tag.toml: consent_source = {banners[0]!r} needs consent_categories: no category stands for"
        f" {', '.join(missing)}, which policy.toml asks for in store_with; write under [consent_categories] which of the"
        f' banner\'s categories grants which signals, e.g. "marketing" = ["{missing[0]}"]'
    ]


def _read(folder: Path, path: Path, kind: type[D], problems: list[str]) -> D | None:
    import tomllib  # a worker reads no files, and loading it costs as much as reading a few

    place = path.relative_to(folder).as_posix()
    try:
        with path.open("rb") as file:
            return msgspec.convert(tomllib.load(file), kind)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{place}: is not TOML: {error}")
    except UnicodeDecodeError:
        problems.append(f"{place}: is not UTF-8; save it as UTF-8")
    except msgspec.ValidationError as error:
        problems.append(f"{place}: {_in_words(str(error))}; see docs/configuration.md")
    return None


def _in_words(message: str) -> str:
    text, _, path = message.partition(" - at ")
    place = path.strip("`").removeprefix("$").lstrip(".")
    return f"{place}: {text}" if place else text
