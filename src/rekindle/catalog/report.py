"""What an import found on the way: every issue counted, the first of each kind kept."""

from __future__ import annotations

from collections import Counter

from rekindle.model.issue import Issue, Severity, shorten

KEPT_PER_CODE = 100
"""Issues kept of one code; the rest is only counted, so that a report never grows with the file."""


class Refused(ValueError):
    """The file as a whole cannot be read; `issue` says why, where, and what to change."""

    def __init__(self, issue: Issue) -> None:
        self.issue = issue
        found = f" (found: {issue.value})" if issue.value else ""
        super().__init__(f"{issue.code}: {issue.remedy}{found}")


def refuse(code: str, remedy: str, value: object = "", row: int | None = None) -> Refused:
    """Make a `Refused` for the whole file; the caller raises it."""
    return Refused(Issue(row, "", "", code, "error", shorten(value), remedy))


class Report:
    """Collects `Issue` while a source is read. ``incomplete`` means: items may be missing, never make this live."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.incomplete = False
        self._codes: Counter[tuple[str, Severity]] = Counter()

    def add(
        self,
        code: str,
        remedy: str,
        *,
        severity: Severity = "warning",
        row: int | None = None,
        id: str = "",  # noqa: A002 - the name of the issue's field
        attribute: str = "",
        value: object = "",
    ) -> None:
        """Count one finding and keep it while there are few of its kind."""
        self.take(Issue(row, id, attribute, code, severity, shorten(value), remedy))

    def take(self, issue: Issue) -> None:
        """Count and keep a ready-made finding."""
        key = (issue.code, issue.severity)
        self._codes[key] += 1
        if self._codes[key] <= KEPT_PER_CODE:
            self.issues.append(issue)

    def absorb(self, other: Report) -> None:
        """Take over all that another report says."""
        kept = Counter((issue.code, issue.severity) for issue in other.issues)
        for issue in other.issues:
            self.take(issue)
        for (code, severity), number in (other._codes - kept).items():
            self.tally(code, severity, number)
        self.incomplete = self.incomplete or other.incomplete

    def tally(self, code: str, severity: Severity, number: int) -> None:
        """Count findings of a code that has been taken already, and of which no more are kept."""
        self._codes[code, severity] += number

    def cut_short(self, code: str, remedy: str, *, row: int | None = None, value: object = "") -> None:
        """Say that the input ends before its end; what was read stays readable but must not go live."""
        self.incomplete = True
        self.add(code, remedy, severity="error", row=row, value=value)

    def not_for_sale(self, row: int, value: object) -> None:
        """Note something that is hidden, a draft, or switched off, and is left out therefore."""
        self.add("not-published", "not for sale, left out", severity="note", row=row, value=value)

    def count(self, severity: Severity) -> int:
        """Return how many findings of that severity there were, kept or not."""
        return sum(number for (_, found), number in self._codes.items() if found == severity)

    def codes(self) -> dict[str, int]:
        """Return every code with its number of findings, the most frequent first."""
        total: Counter[str] = Counter()
        for (code, _), number in self._codes.items():
            total[code] += number
        return dict(total.most_common())
