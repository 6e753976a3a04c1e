"""`rekindle explain`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from rekindle.cli._compose import Installation, open_installation
from rekindle.cli._documents import read_folder
from rekindle.cli._options import installation_options
from rekindle.console.words import Words
from rekindle.egress.trace import Passage, Stop, Trace, trace
from rekindle.model.clock import rfc3339
from rekindle.model.event import Consent
from rekindle.privacy.ledger import LedgerLine, WrittenLine


@click.command()
@click.argument("event_id")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON document.")
@installation_options
def command(event_id: str, as_json: bool, folder: Path, data: Path | None) -> None:
    """Tell what became of an event: when it came, with which consent, and what each destination did with it.

    Everything shown is free of personal data: the visitor is a pseudonym, a platform's words are masked. The exit
    status is 1 when nobody knows the event.
    """
    workspace = read_folder(folder).name
    installation = open_installation(folder, data)
    try:
        found = asyncio.run(_trace(installation, workspace, event_id))
    finally:
        installation.close()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif found.found:
        for line in in_words(found, Words("en")):
            click.echo(line)
    if not found.found:
        raise click.ClickException(
            f"{workspace} knows no event {event_id!r}: it did not arrive, was refused at the door (see the counts "
            "of refused events), or was dropped after its time"
        )


async def _trace(installation: Installation, workspace: str, event_id: str) -> Trace:
    return await trace(installation.database, installation.log, workspace, event_id)


def in_words(found: Trace, words: Words) -> Iterator[str]:
    """Yield the lines of an event's way."""
    yield f"{found.event_id}: {found.event} in {found.workspace}"
    if found.received_ms is not None:
        happened = f", happened {rfc3339(found.event_time_ms)}" if found.event_time_ms is not None else ""
        source = f" from the {words.source(found.source)}" if found.source else ""
        yield f"  received {rfc3339(found.received_ms)}{source}{happened}"
    if found.subject is not None:
        yield f"  visitor {found.subject}"
    if found.item_ids:
        yield f"  items {', '.join(found.item_ids)}"
    if found.consent is not None:
        yield f"  consent that came with it: {_signals(found.consent)}"
    else:
        yield "  the event itself is no longer in the log"
    if not found.passages:
        yield "  no destination has read it yet, or none is configured"
    for passage in found.passages:
        yield from _passage(passage, words)
    for stop in found.stops:
        yield from _stop(stop)
    for decision in found.decisions:
        line = decision.line
        yield f"  {rfc3339(line.at_ms)} {words.ledger(line.kind)} {line.action} {words.reason(line.reason)}".rstrip()


def _passage(passage: Passage, words: Words) -> Iterator[str]:
    outcome = passage.outcome
    why = "" if outcome.reason in ("", "ok") else f": {words.reason(outcome.reason)} ({outcome.reason})"
    yield f"  {outcome.destination}: {words.outcome(outcome.outcome)}{why}, {rfc3339(outcome.updated_ms)}"
    if outcome.detail:
        yield f"    {outcome.detail}"
    if remedy := words.remedy(outcome.reason):
        yield f"    what to do: {remedy}"
    if passage.next_ms:
        yield f"    next try {rfc3339(passage.next_ms)}, after {outcome.attempts} so far"
    if passage.look_ms:
        yield f"    waiting for the platform's decision, next look at {rfc3339(passage.look_ms)}"
    for sent in reversed(passage.sends):
        facts = sent.line.facts
        purposes = ", ".join(facts.get("purposes", [])) or "none"
        yield (
            f"    {rfc3339(sent.line.at_ms)} left on the basis of {facts.get('basis')} for {purposes} "
            f"(ledger line {sent.position}, request {str(facts.get('request'))[:12]})"
        )
        if answer := _answer(passage, sent):
            results = ", ".join(f"{count} {name}" for name, count in sorted(answer.facts.get("results", {}).items()))
            trace_id = f", the platform's trace {answer.facts['trace']}" if answer.facts.get("trace") else ""
            yield f"    {rfc3339(answer.at_ms)} answer to the request: {results}{trace_id}"


def _stop(stop: Stop) -> Iterator[str]:
    since = f"since {rfc3339(stop.since_ms)}, next try {rfc3339(stop.next_ms)}"
    said = f": {stop.words}" if stop.words else ""
    if stop.state == "held":
        yield f"  {stop.destination} is on hold {since}{said}"
        yield "    renew its secret (rekindle secrets set); it then goes on by itself, and nothing is lost"
    else:
        yield f"  {stop.destination} does not answer {since}{said}"
        yield "    it is tried again and again, at least every half minute; nothing is lost"


def _answer(passage: Passage, sent: WrittenLine) -> LedgerLine | None:
    """Return what was answered to that try: a request keeps its id when it is sent again, and its lines follow the try."""
    request = sent.line.facts.get("request")
    after = [
        line
        for line in (*passage.sends, *passage.answers)
        if line.position > sent.position and line.line.facts.get("request") == request
    ]
    following = min(after, key=lambda line: line.position, default=None)
    return following.line if following in passage.answers and following is not None else None


def _signals(consent: Consent) -> str:
    """Name the signals; strings of frameworks are only said to be there, because they can be long."""
    known = msgspec.to_builtins(consent)
    strings = {"tcf": "a TC string", "gpp": "a GPP string", "ac": "an Additional Consent string"}
    told = [strings.get(name, f"{name} {value}") for name, value in known.items()]
    return ", ".join(told) or "none"
