"""The demo's table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from rekindle.cli._demo.figures import Figures


def table(figures: Figures) -> Table:
    """Return the figures as a table of two columns and notes."""
    made = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    made.add_column("")
    made.add_column("", justify="right")
    made.add_column("", style="dim")
    totals = figures.totals
    consent = {reason: count for reason, count in totals.filtered.items() if reason.startswith("consent")}
    other = {reason: count for reason, count in totals.filtered.items() if reason not in consent}
    made.add_row("events accepted", _number(sum(totals.accepted.values())), _parts(totals.accepted))
    made.add_row("filtered by consent", _number(sum(consent.values())), _parts(consent))
    made.add_row("filtered otherwise", _number(sum(other.values())), _parts(other))
    made.add_row("invalid", _number(sum(totals.invalid.values())), _parts(totals.invalid))
    for lane in figures.lanes:
        counts = dict(lane.counts)
        delivered = counts.pop("delivered", 0) + counts.pop("accepted", 0)
        state = "" if lane.state == "running" else f" [{lane.state}]"
        made.add_row(f"delivered to {lane.destination}{state}", _number(delivered), _parts(counts))
    for feed in figures.feeds:
        issues = {name: count for name, count in feed.issues.items() if count}
        made.add_row(f"feed {feed.feed}", _number(feed.items), "items; " + (_parts(issues) or "no issues"))
    for match in figures.match:
        made.add_row(
            f"id match, {match.feed}", f"{match.share:.1%}", _parts(match.reasons) or "every id is in the feed"
        )
    for name, size in sorted(figures.sizes.items()):
        made.add_row(f"audience {name}", _number(size), "visitors")
    made.add_row("ads served", _number(figures.ads_personal + figures.ads_other), f"{figures.ads_personal} personal")
    return made


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _parts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{name} {_number(count)}" for name, count in ordered if count)
