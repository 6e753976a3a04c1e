"""Write docs/sources.md: where catalogues are read from, as manifests and packages tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rekindle.catalog.account import Manifest, Setting
from rekindle.catalog.accounts import module_of
from rekindle.catalog.inputs import FTPS, SFTP, SQL
from rekindle.catalog.options import ALL, SHEETS, own
from rekindle.catalog.reading import sources


def source_page() -> str:
    """Return the page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Catalogues behind accounts\n"
    yield (
        "`rekindle catalog sources add NAME` asks for what each of them needs. How they are read, and what webhooks do, is"
        " told in [The catalogue](catalog.md).\n"
    )
    for name in sorted(sources()):
        module = module_of(name)
        if module is not None:
            yield from _section(module.manifest, module.TITLE)
    yield "# Catalogues on servers and in databases\n"
    yield (
        "`rekindle catalog sources add NAME --kind sql` and `--kind sftp` or `ftps` ask for what they need, try it and show the first items;"
        " `--column title=name` maps a column, `--secret-file private_key=~/.ssh/id_ed25519` stores a file as a secret. How they"
        " are read is told in [The catalogue](catalog.md).\n"
    )
    yield "## `sql`\n"
    yield f"{sources()['sql'].TITLE}.\n"
    yield from _options(SQL)
    yield "\n## `sftp://`\n"
    yield "A file, or the newest file of a folder, of any kind, on an SFTP server.\n"
    yield from _options(SFTP)
    yield "\n## `ftps://`\n"
    yield "The same on an FTP server with TLS (explicit, as deliveries have it).\n"
    yield from _options(FTPS)
    yield "\n# Files and addresses\n"
    yield (
        "`rekindle catalog sources add NAME --kind file` asks where it is, reads it and shows the first items. Options of every"
        " source; a name that is not known is refused, and what it may have meant is said:\n"
    )
    yield from _table((*ALL, *SHEETS))
    yield "\nOf single kinds, besides:\n"
    yield "| kind | option | what it is |\n|---|---|---|"
    for name in sorted(sources()):
        for setting in own(name) or ():
            yield f"| `{name}` | `{setting.name}`{_needed(setting.required)} | {setting.help} |"


def _section(manifest: Manifest, title: str) -> Iterator[str]:
    yield f"## `{manifest.name}`\n"
    yield f"{title}.\n"
    yield from (f"{number}. {step}" for number, step in enumerate(manifest.steps, 1))
    yield f"{len(manifest.steps) + 1}. `rekindle catalog sources add {manifest.name}` asks for what is required, reads the first items and writes it down.\n"
    yield from _options(manifest)
    hook = manifest.hook_secret or "a key of your own; the shop system sends no webhooks, see below"
    yield f'| `hook_secret = {{ secret = "…" }}` | {hook} |\n'
    if manifest.since:
        yield "It can be asked for what changed (`changes_every`, 10 minutes unless told otherwise, or `never`).\n"
    if manifest.per_second:
        yield f"At most {manifest.per_second:g} requests a second are sent.\n"
    if manifest.unverified:
        yield f"Not confirmed by a public document: {manifest.unverified}\n"
    if manifest.checked:
        yield f"Checked: {manifest.checked}.\n"
    yield "Written from: " + ", ".join(f"<{url}>" for url in manifest.documents) + "\n"


def _options(manifest: Manifest) -> Iterator[str]:
    yield from _table(manifest.settings)
    for secret in manifest.secrets:
        yield f'| `{secret.name} = {{ secret = "…" }}`{_needed(secret.required)} | {secret.help} |'


def _table(settings: Iterable[Setting]) -> Iterator[str]:
    yield "| option | what it is |\n|---|---|"
    for setting in settings:
        yield f"| `{setting.name}`{_needed(setting.required)} | {setting.help} |"


def _needed(required: bool) -> str:
    return " (required)" if required else ""
