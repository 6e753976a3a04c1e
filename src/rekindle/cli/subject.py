"""`rekindle subject`: what people may ask for."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from rekindle.cli._compose import Installation, one_workspace, open_installation
from rekindle.cli._documents import author
from rekindle.cli._history import WholeLog
from rekindle.cli._options import installation_options
from rekindle.cli._subjects import HOLDERS, Subjects
from rekindle.egress.http import HttpTransport
from rekindle.model.clock import rfc3339
from rekindle.privacy.keys import KeyUnusable
from rekindle.privacy.ledger import LedgerLine, LedgerUnavailable
from rekindle.privacy.pseudonyms import canonical
from rekindle.privacy.subjects import Person, Removal, Request, Requests, again, find
from rekindle.privacy.subjects.export import Dossier, export, gather
from rekindle.privacy.subjects.removals import ASKED, PENDING
from rekindle.privacy.vault import VaultUnavailable

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_PSEUDONYM = re.compile(r"s[1-9][0-9]{0,2}_[a-z2-7]{26}")
_REQUEST = re.compile(r"r_[0-9a-f]{16}")


class _Asked(msgspec.Struct, frozen=True):
    """Who is meant. ``identifier`` is kind and canonical value, where the person was named by one."""

    workspace: str
    region: str
    subject: str
    kind: Any
    identifier: tuple[str, str] | None


def _who(function: F) -> F:
    """Add the argument and options that say who is meant."""
    for option in (
        click.argument("subject", required=False),
        click.option(
            "--kind", type=click.Choice(["email", "phone", "user_id", "cookie"]), default="email", show_default=True,
            help="What the identifier is that is asked for.",
        ),
        click.option("--stdin", "stdin", is_flag=True, help="Read the identifier from standard input."),
        click.option("--for", "workspace", help="The workspace's name [default: the only one]."),
        installation_options,
    ):  # fmt: skip
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Find, export and erase what is known of a person; keep the deadlines.

    SUBJECT is a pseudonym (s1_…). An e-mail address, phone number, user id or cookie id is never an argument, because
    process lists and shells' histories keep those: without SUBJECT it is asked for, or read with --stdin.
    """


@command.command("find")
@_who
def find_(**given: Any) -> None:
    """Say which pseudonyms are the person's and how much is known of them."""

    async def work(installation: Installation, asked: _Asked) -> None:
        person, dossier = await _look(installation, asked)
        click.echo(f"identifiers: {', '.join(sorted(person.identifiers)) or 'none'}")
        click.echo(f"browsers: {', '.join(sorted(person.browsers)) or 'none'}")
        if person.shared:
            click.echo(f"browsers that others use too: {', '.join(sorted(person.shared))}")
        click.echo(f"events: {len(dossier.events)}, changes of consent: {len(dossier.changes)}")
        click.echo(f"lines of the ledger: {len(dossier.lines)}")

    _run(given, work)


@command.command("export")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file to write.")
@_who
def export_(out: Path, **given: Any) -> None:
    """Write everything known of the person to a new JSON file that only you can read."""

    async def work(installation: Installation, asked: _Asked) -> None:
        person, dossier = await _look(installation, asked)
        _note(installation, asked, "subject.export")
        requests = Requests(installation.database, installation.clock, asked.workspace, installation.pseudonymiser)
        request = requests.begin("export", "gdpr", person.names)
        _write(out, export(installation.database, installation.clock, person, dossier, HOLDERS))
        requests.move(request.id, "done")
        click.echo(f"{out}: {len(dossier.events)} events (request {request.id})")

    _run(given, work)


@command.command("erase")
@click.option(
    "--law", type=click.Choice(["gdpr", "ccpa"]), default="gdpr", show_default=True, help="Sets the deadline."
)
@click.option("--rotate-keys", is_flag=True, help="Make older copies of the state database useless, too.")
@click.option(
    "--certificate", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file for it."
)
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@_who
def erase_(law: Any, rotate_keys: bool, certificate: Path, yes: bool, **given: Any) -> None:
    """Erase the person everywhere, search every file for what is left, and write a signed certificate.

    Nothing is taken in of the person from now on. The platforms' lists are told; `rekindle subject status` says what
    they answered. The exit status is 1 when something of the person was found after all.
    """

    async def work(installation: Installation, asked: _Asked) -> None:
        person, dossier = await _look(installation, asked)
        if not yes:
            count, names = len(dossier.events), len(person.names)
            click.confirm(f"Erase {count} events of {names} pseudonyms for good?", abort=True, err=True)
        transport = HttpTransport(allow_private=installation.settings.allow_private_addresses)
        try:
            signed, salt = await Subjects(installation, transport).erasure().erase(
                person, actor=author(None), law=law, identifier=asked.identifier, region=asked.region,
                rotate_keys=rotate_keys,
            )  # fmt: skip
        finally:
            await transport.close()
        _write(certificate, msgspec.json.format(signed, indent=2) + b"\n")
        statement = msgspec.json.decode(signed)["certificate"]
        found = statement["search"]["survivors"]
        click.echo(f"request {statement['request']}, certificate {certificate}")
        if asked.identifier is not None:
            click.echo(f"salt for the person, stored nowhere: {salt}")
        click.echo(f"{found} survivors in {statement['search']['files']} files")
        for platform in statement["platforms"]:
            click.echo(f"{platform['destination']}: {platform['state']}. {platform['why']}")
        if not statement["final"]:
            click.echo(
                "the certificate is not final: platforms have not decided yet. While a worker runs they are asked; "
                f"`rekindle subject status {statement['request']} --certificate FILE` has the final one then"
            )
        if found or statement["search"]["unread_files"]:
            raise click.ClickException("something is left; the certificate says where. Stop what runs and erase again")

    _run(given, work)


@command.command("erased")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file to write.")
@installation_options
def erased_(out: Path, folder: Path, data: Path | None) -> None:
    """Write down who was erased, in hashes that only this installation's keys understand.

    Keep the newest list apart from the backups: after a restore, `rekindle subject reapply` needs it.
    """
    installation = open_installation(folder, data)
    try:
        text = again.written(installation.database)
    finally:
        installation.close()
    _write(out, text.encode())
    click.echo(f"{out}: {text.count(chr(10)) - 1} entries")


@command.command("reapply")
@installation_options
@click.option("--rotate-keys", is_flag=True, help="Make the copy that was restored useless, too.")
@click.argument("erased", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def reapply_(folder: Path, data: Path | None, rotate_keys: bool, erased: Path) -> None:
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


@command.command("status")
@click.option(
    "--certificate",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the newest certificate of the one request to a new file; a complete one has the platforms' answers.",
)
@_who
def status_(certificate: Path | None, **given: Any) -> None:
    """List the requests with their deadlines: all, those of a person, or one by its id (r_…)."""
    chosen = given["subject"]
    listed: list[Request] = []
    installation = open_installation(given["folder"], given["data"])
    try:
        workspace = one_workspace(installation, given["workspace"])
        requests = Requests(installation.database, installation.clock, workspace, installation.pseudonymiser)
        if chosen and _REQUEST.fullmatch(chosen):
            one = requests.one(chosen)
            listed = [one] if one else []
        elif chosen or given["stdin"]:
            listed = requests.of([_asked(installation, given).subject])
        else:
            listed = requests.all()
        removals = Subjects(installation, HttpTransport()).removals(workspace)
        for request in listed:
            _show(request, installation.clock())
            for removal in removals.of(request.id):
                click.echo(f"  {removal.destination}: {removal.state}. {_told(removal)}")
    finally:
        installation.close()
    if chosen and not listed:
        raise click.ClickException("there is no such request")
    if certificate is not None:
        if len(listed) != 1 or not listed[0].certificate:
            raise click.ClickException("name one erasure by its id to have its certificate")
        _write(certificate, msgspec.json.format(listed[0].certificate.encode(), indent=2) + b"\n")


def _told(removal: Removal) -> str:
    """Return what a platform said, and when it is told or asked next."""
    if removal.state == ASKED:
        until = f"is asked at {rfc3339(removal.next_ms)} what it decided, until {rfc3339(removal.deadline_ms)}"
        return f"{removal.reason}; it {until}"
    if removal.state == PENDING and removal.attempts:
        return f"{removal.reason}; next try at {rfc3339(removal.next_ms)}"
    return removal.reason


def _show(request: Request, now_ms: int) -> None:
    late = "  OVERDUE" if request.overdue(now_ms) else ""
    click.echo(
        f"{request.id}  {request.kind:6}  {request.state:7}  received {rfc3339(request.received_ms)}  "
        f"due {rfc3339(request.due_ms)} ({request.law}){late}"
    )


def _run(given: dict[str, Any], work: Callable[[Installation, _Asked], Awaitable[T]]) -> T:
    installation = open_installation(given["folder"], given["data"])

    async def open_and_work() -> T:
        try:
            return await work(installation, _asked(installation, given))
        except (LedgerUnavailable, VaultUnavailable, KeyUnusable) as error:
            raise click.ClickException(f"{error}; nothing more was done, do it again") from None
        finally:
            await installation.aclose()

    return asyncio.run(open_and_work())


def _asked(installation: Installation, given: dict[str, Any]) -> _Asked:
    workspace = one_workspace(installation, given["workspace"])
    region = installation.workspaces()[workspace].shop.country
    subject, kind = given["subject"], given["kind"]
    if subject:
        if not _PSEUDONYM.fullmatch(subject):
            raise click.UsageError(
                "SUBJECT is a pseudonym such as s1_…; anything else is asked for, or read with --stdin"
            )
        return _Asked(workspace, region, subject, "pseudonym", None)
    raw = sys.stdin.readline().rstrip("\n") if given["stdin"] else click.prompt(kind, err=True)
    try:
        value = canonical(kind, raw, region)
        return _Asked(
            workspace,
            region,
            installation.pseudonymiser.subject(workspace, kind, raw, region=region),
            kind,
            (kind, value),
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None


async def _look(installation: Installation, asked: _Asked) -> tuple[Person, Dossier]:
    log = WholeLog(installation)
    person = await find(log, installation.clock, asked.workspace, asked.subject, asked.kind, installation.pseudonymiser)
    return person, await gather(log, installation.database, installation.vault, installation.clock, person)


def _note(installation: Installation, asked: _Asked, action: str) -> None:
    line = LedgerLine("change", asked.workspace, installation.clock(), actor=author(None), action=action)
    installation.ledger.append([msgspec.structs.replace(line, subject=asked.subject)])


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already; name a new file") from None
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
