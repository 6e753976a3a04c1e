"""What another specification of a channel would do to a feed, before it replaces the one in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from rekindle.feeds.channel import configured
from rekindle.feeds.checks import compile_checks
from rekindle.feeds.previewing import Counts, Preview, compare_programs
from rekindle.feeds.program import Program, compile_feed
from rekindle.feeds.rules import RuleError, compile_rules
from rekindle.feeds.spec import Spec
from rekindle.model.ports import Snapshot
from rekindle.workspace import Feed


class Fact(msgspec.Struct, frozen=True):
    """One thing that the specifications say differently, such as ``max_length`` of ``title``.

    ``name`` is an attribute's or a check's; ``what`` is ``attribute`` or ``check`` where all of it is new or gone.
    """

    name: str
    what: str
    before: object
    after: object


class SpecChange(msgspec.Struct, frozen=True):
    """The facts that differ and what they do to the live catalogue: newly broken items, cut and dropped values."""

    facts: Sequence[Fact]
    preview: Preview


def spec_change(
    snapshot: Snapshot, feed: Feed, spec: Spec, folder: Path | None = None, limit: int = 20, counts: Counts = None
) -> SpecChange:
    """Run a feed over a snapshot with both specifications and compare. Publishes nothing.

    Raises `UnknownChannel`, and `RuleError` also for a rule that uses an attribute which the new specification lacks, and
    for the specification of another channel.
    """
    channel = configured(feed)
    if spec.channel != channel.spec.channel:
        raise RuleError(f"the specification is of {spec.channel}, the feed is for {channel.spec.channel}")
    before = compile_feed(feed)
    other = msgspec.structs.replace(channel, spec=spec)
    after = Program(other, compile_rules(spec, feed.rule), compile_checks(spec))
    return SpecChange(list(facts(channel.spec, spec)), compare_programs(snapshot, before, after, folder, limit, counts))


def facts(old: Spec, new: Spec) -> Iterator[Fact]:
    """Yield what two specifications say differently; where a fact was read is no difference."""
    yield from _of("attribute", {a.name: a for a in old.attribute}, {a.name: a for a in new.attribute})
    yield from _of("check", {c.code: c for c in old.check}, {c.code: c for c in new.check})


def _of(what: str, old: Mapping[str, msgspec.Struct], new: Mapping[str, msgspec.Struct]) -> Iterator[Fact]:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield Fact(name, what, None if before is None else name, None if after is None else name)
            continue
        for field in before.__struct_fields__:
            was, now = getattr(before, field), getattr(after, field)
            if was != now and field not in ("source", "note", "verified"):
                yield Fact(name, field, was, now)
