"""The verdict: the clients' book, the log, the outcomes and the platform's book, held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from rekindle.model.outcome import Outcome
from rekindle.sandbox.torture.books import Receipt, Withdrawn
from rekindle.sandbox.torture.clients import denied, person_of

ENOUGH = 50
"""So many examples of each fault are listed."""


class Verdict(msgspec.Struct, frozen=True):
    """Numbers are of distinct events, unless they are called copies.

    ``lost`` are acknowledged events that are not in the log, came to no outcome, or are said to be delivered and were
    never received. ``alien_duplicates`` are events that the platform saw under two ids. ``without_consent`` were
    received although consent had been refused, or withdrawn more than the grace before they were sent;
    ``latest_after_withdrawal_ms`` is the longest time between an acknowledged withdrawal and a send that followed it.
    ``counted`` is what the statistics, a view of the log, made of the stored events.
    """

    acknowledged: int
    stored: int
    stored_copies: int
    delivered: int
    delivered_copies: int
    outcomes: Mapping[str, int]
    counted: int
    latest_after_withdrawal_ms: int
    lost: Sequence[str]
    alien_duplicates: Sequence[str]
    without_consent: Sequence[str]
    unsettled: Sequence[str]
    remarks: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        wrong = (self.lost, self.alien_duplicates, self.without_consent, self.unsettled, self.remarks)
        return not any(wrong) and self.counted == self.stored


def judge(
    *,
    acknowledged: Iterable[str],
    stored: Counter[str],
    outcomes: Mapping[str, str],
    receipts: Sequence[Receipt],
    withdrawn: Sequence[Withdrawn],
    counted: int,
    grace_ms: int,
    remarks: Sequence[str] = (),
) -> Verdict:
    """Compare the books. ``stored`` counts each id's copies in the log; ``outcomes`` are by event id."""
    promised = set(acknowledged)
    received = Counter(receipt.event_id for receipt in receipts)
    left = {one.person: one.at_ms for one in withdrawn}
    lost = [f"{name}: not in the log" for name in sorted(promised - set(stored))]
    unsettled = []
    for name in sorted(stored):
        outcome = outcomes.get(name)
        person = person_of(name)
        if outcome is None or outcome in (Outcome.WAITING, Outcome.HELD):
            unsettled.append(f"{name}: {outcome or 'no outcome'}")
        elif outcome == Outcome.DELIVERED and name not in received:
            lost.append(f"{name}: said to be delivered, never received")
        elif outcome == Outcome.FILTERED and not denied(name) and person not in left:
            # A withdrawal whose answer got lost is a withdrawal all the same; its person sends nothing after it.
            unsettled.append(f"{name}: filtered, though no withdrawal was acknowledged")
        elif outcome in (Outcome.INVALID, Outcome.EXPIRED):
            lost.append(f"{name}: {outcome}")
    bodies: dict[str, set[str]] = {}
    without: list[str] = []
    latest = 0
    for receipt in receipts:
        bodies.setdefault(receipt.body, set()).add(receipt.event_id)
        since = left.get(person_of(receipt.event_id))
        after = 0 if since is None else receipt.sent_ms - since
        latest = max(latest, after)
        if denied(receipt.event_id):
            without.append(f"{receipt.event_id}: consent was denied")
        elif after > grace_ms:
            without.append(f"{receipt.event_id}: sent {after} ms after the withdrawal")
        if receipt.event_id not in stored:
            without.append(f"{receipt.event_id}: received, but not in the log")
    return Verdict(
        acknowledged=len(promised),
        stored=len(stored),
        stored_copies=stored.total() - len(stored),
        delivered=len(received),
        delivered_copies=received.total() - len(received),
        outcomes=dict(sorted(Counter(outcomes[name] for name in stored if name in outcomes).items())),
        counted=counted,
        latest_after_withdrawal_ms=latest,
        lost=lost[:ENOUGH],
        alien_duplicates=sorted(body for body, names in bodies.items() if len(names) > 1)[:ENOUGH],
        without_consent=without[:ENOUGH],
        unsettled=unsettled[:ENOUGH],
        remarks=remarks,
    )
