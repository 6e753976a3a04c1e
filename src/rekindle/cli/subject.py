"""`rekindle subject`: what people may ask for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from rekindle.cli._compose import Installation, one_workspace, open_installation
from rekindle.cli._documents import author
from rekindle.cli._subject_again import erased, reapply
from rekindle.cli._subject_asked import Asked, look, read_asked, run, who, write_new
from rekindle.cli._subjects import HOLDERS, Subjects
from rekindle.egress.http import HttpTransport
from rekindle.model.clock import rfc3339
from rekindle.privacy.ledger import LedgerLine
from rekindle.privacy.subjects import Removal, Request, Requests
from rekindle.privacy.subjects.export import export
from rekindle.privacy.subjects.removals import ASKED, PENDING

_REQUEST = re.compile(r"r_[0-9a-f]{16}")


@click.group()
def command() -> None:
    """Find, export and erase what is known of a person; keep the deadlines.

    SUBJECT is a pseudonym (s1_…). An e-mail address, phone number, user id or cookie id is never an argument, because
    process lists and shells' histories keep those: without SUBJECT it is asked for, or read with --stdin.
    """


command.add_command(erased)
command.add_command(reapply)


@command.command("find")
@who
def find_(**given: Any) -> None:
    """Say which pseudonyms are the person's and how much is known of them."""

    async def work(installation: Installation, asked: Asked) -> None:
        person, dossier = await look(installation, asked)
        click.echo(f"identifiers: {', '.join(sorted(person.identifiers)) or 'none'}")
        click.echo(f"browsers: {', '.join(sorted(person.browsers)) or 'none'}")
        if person.shared:
            click.echo(f"browsers that others use too: {', '.join(sorted(person.shared))}")
        click.echo(f"events: {len(dossier.events)}, changes of consent: {len(dossier.changes)}")
        click.echo(f"lines of the ledger: {len(dossier.lines)}")

    run(given, work)


@command.command("export")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file to write.")
@who
def export_(out: Path, **given: Any) -> None:
    """Write everything known of the person to a new JSON file that only you can read."""

    async def work(installation: Installation, asked: Asked) -> None:
        person, dossier = await look(installation, asked)
        _note(installation, asked, "subject.export")
        requests = Requests(installation.database, installation.clock, asked.workspace, installation.pseudonymiser)
        request = requests.begin("export", "gdpr", person.names)
        write_new(out, export(installation.database, installation.clock, person, dossier, HOLDERS))
        requests.move(request.id, "done")
        click.echo(f"{out}: {len(dossier.events)} events (request {request.id})")

    run(given, work)


@command.command("erase")
@click.option(
    "--law", type=click.Choice(["gdpr", "ccpa"]), default="gdpr", show_default=True, help="Sets the deadline."
)
@click.option("--rotate-keys", is_flag=True, help="Make older copies of the state database useless, too.")
@click.option(
    "--certificate", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file for it."
)
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@who
def erase_(law: Any, rotate_keys: bool, certificate: Path, yes: bool, **given: Any) -> None:
    """Erase the person everywhere, search every file for what is left, and write a signed certificate.

    Nothing is taken in of the person from now on. The platforms' lists are told; `rekindle subject status` says what
    they answered. The exit status is 1 when something of the person was found after all.
    """

    async def work(installation: Installation, asked: Asked) -> None:
        person, dossier = await look(installation, asked)
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
        write_new(certificate, msgspec.json.format(signed, indent=2) + b"\n")
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

    run(given, work)


@command.command("status")
@click.option(
    "--certificate",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the newest certificate of the one request to a new file; a complete one has the platforms' answers.",
)
@who
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
            listed = requests.of([read_asked(installation, given).subject])
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
        write_new(certificate, msgspec.json.format(listed[0].certificate.encode(), indent=2) + b"\n")


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


def _note(installation: Installation, asked: Asked, action: str) -> None:
    line = LedgerLine("change", asked.workspace, installation.clock(), actor=author(None), action=action)
    installation.ledger.append([msgspec.structs.replace(line, subject=asked.subject)])
