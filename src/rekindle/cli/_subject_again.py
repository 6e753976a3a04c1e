"""`rekindle subject erased` and `reapply`: who was erased stays erased after a backup was restored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import open_installation
from rekindle.cli._documents import author
from rekindle.cli._history import WholeLog
from rekindle.cli._options import installation_options
from rekindle.cli._subject_asked import write_new
from rekindle.cli._subjects import Subjects
from rekindle.egress.http import HttpTransport
from rekindle.privacy.keys import KeyUnusable
from rekindle.privacy.ledger import LedgerUnavailable
from rekindle.privacy.subjects import again, find
from rekindle.privacy.vault import VaultUnavailable


@click.command("erased")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file to write.")
@installation_options
def erased(out: Path, folder: Path, data: Path | None) -> None:
    """Write down who was erased, in hashes that only this installation's keys understand.

    Keep the newest list apart from the backups: after a restore, `rekindle subject reapply` needs it.
    """
    installation = open_installation(folder, data)
    try:
        text = again.written(installation.database)
    finally:
        installation.close()
    write_new(out, text.encode())
    click.echo(f"{out}: {text.count(chr(10)) - 1} entries")


@click.command("reapply")
@installation_options
@click.option("--rotate-keys", is_flag=True, help="Make the copy that was restored useless, too.")
@click.argument("erased", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def reapply(folder: Path, data: Path | None, rotate_keys: bool, erased: Path) -> None:
    """After a backup was restored: erase everybody again whom the list ERASED names.

    Do it before anything is started: a restored installation knows nothing of later erasures. The exit status is 1 when
    something of a person was found after all.
    """
    try:
        entries = again.parse(erased.read_text(encoding="utf-8"))
    except (again.ListInvalid, UnicodeDecodeError) as error:
        raise click.ClickException(f"{erased}: {error}") from None
    installation = open_installation(folder, data)

    async def work() -> tuple[int, int]:
        log, names = WholeLog(installation), installation.pseudonymiser
        again.put_back(installation.database, entries)
        transport = HttpTransport(allow_private=installation.settings.allow_private_addresses)
        people = survivors = 0
        done: set[str] = set()
        try:
            for workspace, subject in await again.returned(log, installation.clock, names, entries):
                if subject in done:
                    continue
                person = await find(log, installation.clock, workspace, subject, "pseudonym", names)
                done |= person.names
                signed, _ = await Subjects(installation, transport).erasure().erase(
                    person, actor=author(None), law="gdpr", identifier=None, rotate_keys=rotate_keys
                )  # fmt: skip
                people += 1
                survivors += msgspec.json.decode(signed)["certificate"]["search"]["survivors"]
        finally:
            await transport.close()
            await installation.aclose()
        return people, survivors

    try:
        people, survivors = asyncio.run(work())
    except (LedgerUnavailable, VaultUnavailable, KeyUnusable) as error:
        raise click.ClickException(f"{error}; nothing more was done, do it again") from None
    click.echo(f"{len(entries)} entries on the list; {people} people were there again and are erased")
    if survivors:
        raise click.ClickException("something is left; `rekindle subject status` names the certificates that say where")
