"""`rekindle audit`: export the ledger and verify it, in place or offline."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TextIO

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rekindle.cli._compose import open_installation
from rekindle.cli._options import installation_options
from rekindle.privacy import audit
from rekindle.privacy.checkpoint import CheckpointInvalid, read_verifier_key, verifier_key
from rekindle.privacy.ledger import ORIGIN, checkpoint
from rekindle.privacy.subjects.certificate import CertificateInvalid, commitment, verify_certificate


@click.group()
def command() -> None:
    """Prove that the ledger of decisions, sends and changes is whole.

    Keep the key and, from time to time, a checkpoint where nobody who runs the installation can change them: with
    them, anybody can verify an export offline, and see that nothing from before the checkpoint was cut or rewritten.
    """


@command.command()
@installation_options
def key(folder: Path, data: Path | None) -> None:
    """Print the public key that the ledger's checkpoints are signed with."""
    installation = open_installation(folder, data)
    try:
        click.echo(verifier_key(ORIGIN, installation.keyring.ledger_key().public_key()))
    finally:
        installation.close()


@command.command("checkpoint")
@installation_options
def newest(folder: Path, data: Path | None) -> None:
    """Print the newest signed checkpoint."""
    installation = open_installation(folder, data)
    try:
        note = checkpoint(installation.database)
    finally:
        installation.close()
    if note is None:
        raise click.ClickException("the ledger is empty; there is no checkpoint yet")
    click.echo(note, nl=False)


@command.command()
@installation_options
@click.argument("file", type=click.File("wb"))
def export(folder: Path, data: Path | None, file: BinaryIO) -> None:
    """Write the whole ledger and its checkpoint to FILE (- is standard output)."""
    installation = open_installation(folder, data)
    try:
        count = audit.export(installation.database, file)
    finally:
        installation.close()
    click.echo(f"{count} lines written", err=True)


@command.command()
@installation_options
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--key", "trusted", help="The public key (text of `rekindle audit key`); needed for an exported FILE.")
@click.option("--since", type=click.File("r", encoding="utf-8"), help="An older checkpoint that was kept elsewhere.")
def verify(
    folder: Path,
    data: Path | None,
    file: BinaryIO | None,
    trusted: str | None,
    since: TextIO | None,
) -> None:
    """Verify the ledger in place, or an exported FILE with nothing but the public key."""
    older = since.read() if since is not None else None
    try:
        known = None if trusted is None else read_verifier_key(trusted)[1]
        if file is None:
            found = _in_place(folder, data, known, older)
        elif known is None:
            raise click.UsageError("an exported file is verified with --key; get it with `rekindle audit key`")
        else:
            found = audit.verify_export(file, known, older)
    except (audit.LedgerDamaged, CheckpointInvalid) as error:
        raise click.ClickException(f"the ledger is not what was recorded: {error}") from None
    click.echo(f"{found.size} lines are whole; root {found.root}")


@command.command("verify-certificate")
@click.argument("file", type=click.File("rb"))
@click.option("--key", "trusted", required=True, help="The public key (text of `rekindle audit key`).")
@click.option("--salt", help="The salt that was given with the certificate: asks for the identifier it is about.")
def verify_erasure(file: BinaryIO, trusted: str, salt: str | None) -> None:
    """Verify the certificate of an erasure offline, with nothing but the public key."""
    try:
        statement = verify_certificate(file.read(), read_verifier_key(trusted)[1])
    except (CertificateInvalid, CheckpointInvalid) as error:
        raise click.ClickException(str(error)) from None
    if salt is not None and commitment(salt, click.prompt("identifier", err=True)) != statement.get("person"):
        raise click.ClickException("the certificate is genuine, but it is about somebody else")
    click.echo(
        f"request {statement.get('request')} of {statement.get('received')}: erased {statement.get('done')}, "
        f"{statement.get('search', {}).get('survivors')} survivors"
    )


def _in_place(folder: Path, data: Path | None, known: Ed25519PublicKey | None, older: str | None) -> audit.Verified:
    installation = open_installation(folder, data)
    try:
        return audit.verify_ledger(
            installation.database, known or installation.keyring.ledger_key().public_key(), older
        )
    finally:
        installation.close()
