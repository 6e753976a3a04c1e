"""The shoppers' own account of what they sent, to hold against the platform's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rekindle.sandbox.shoppers.visits import ACCEPTED, DUPLICATE, Expected


class Ledger:
    """Counts events by the outcome they must come to.

    ``acknowledged`` got a 2xx (or, where all of a server's events are wrong, the 400 that says so); ``unanswered``
    never did and may or may not be there; ``uncertain`` were sent again after an attempt whose answer was lost;
    ``blocked`` were never sent, because the visitor's browser lets nothing out.
    """

    def __init__(self) -> None:
        self.acknowledged: Counter[Expected] = Counter()
        self.unanswered: Counter[Expected] = Counter()
        self.uncertain = 0
        self.statuses: Counter[int] = Counter()
        self.visits = 0
        self.blocked = 0
        self.ads: Counter[int] = Counter()

    @property
    def sent(self) -> int:
        """How many events were sent and acknowledged, repetitions included."""
        return self.acknowledged.total()

    def told(self) -> dict[str, object]:
        """Return the ledger as plain values; outcomes are written ``outcome/reason``."""
        return {
            "visits": self.visits,
            "sent": self.sent,
            "acknowledged": {"/".join(key): number for key, number in sorted(self.acknowledged.items())},
            "unanswered": {"/".join(key): number for key, number in sorted(self.unanswered.items())},
            "uncertain": self.uncertain,
            "blocked": self.blocked,
            "statuses": {str(status): number for status, number in sorted(self.statuses.items())},
        }

    def differences(self, counted: Mapping[Expected, int]) -> list[str]:
        """Compare with the platform's counts by (outcome, reason); return what does not balance, in words.

        Where answers were lost the platform may have more, up to what is unanswered or uncertain; never less.
        """
        found = []
        for key in sorted(set(self.acknowledged) | set(counted) | set(self.unanswered)):
            least, have = self.acknowledged[key], counted.get(key, 0)
            most = least + self.unanswered[key]
            if key == DUPLICATE:
                most += self.uncertain
            elif key != ACCEPTED:
                most += self.uncertain  # what is refused is counted at every attempt
            if not least <= have <= most:
                wanted = str(least) if least == most else f"{least} to {most}"
                found.append(f"{key[0]} ({key[1]}): sent {wanted}, counted {have}")
        return found
