"""What one capability asks of another, as protocols.

Capabilities do not import each other; the composition root hands them these views, each made by the room that owns
the data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from rekindle.model.product import Offer


class Touch(msgspec.Struct, frozen=True):
    """One item a visitor met: ``kind`` is ``view``, ``cart`` or ``purchase``; ``at_ms`` the last time."""

    item_id: str
    kind: str
    at_ms: int


class VisitorHistory(Protocol):
    """Made by `profiles`, used by `ads`."""

    def touches(self, workspace: str, subject: str, limit: int) -> Sequence[Touch]:
        """Return the visitor's items, newest first; carts hold only what is still in them."""
        ...


class CoViews(Protocol):
    """Made by `profiles`, used by `ads`."""

    def related(self, workspace: str, item_ids: Sequence[str], limit: int) -> Sequence[str]:
        """Return items seen by the same visitors as ``item_ids``, best first, without ``item_ids`` themselves."""
        ...

    def popular(self, workspace: str, limit: int) -> Sequence[str]:
        """Return the items most visitors looked at lately, best first."""
        ...


class Offers(Protocol):
    """Made by `catalog` from the live snapshot, used by `ads`."""

    def offers(self, workspace: str, item_ids: Iterable[str]) -> Mapping[str, Offer]:
        """Return current offers by id; ids that are not in the catalogue are missing from the answer."""
        ...


class FeedIds(Protocol):
    """Made by `feeds`, used by the id contract in `destinations` and `profiles`."""

    def channels(self, workspace: str) -> Sequence[str]:
        """Return the names of the feeds that have a published version."""
        ...

    def missing(self, workspace: str, feed: str, item_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the ids that ``feed``'s published version does not hold, each with a reason code.

        Reasons: ``unknown`` (in no catalogue), ``excluded`` (in the catalogue, left out of the feed),
        ``removed`` (was in an earlier version), ``case`` and ``prefix`` (the feed has it written otherwise).
        """
        ...


class ItemCounts(msgspec.Struct, frozen=True):
    """How many visitors looked at an item, put it into a cart, bought it."""

    item_id: str
    views: int
    carts: int
    purchases: int


class Performance(Protocol):
    """Made by `profiles`, used by `feeds`."""

    def counts(self, workspace: str, since_ms: int) -> Iterator[ItemCounts]:
        """Yield the items that any visitor met since a moment, by id; each visitor counts once for each act."""
        ...


class ItemSeen(msgspec.Struct, frozen=True):
    """How often events named an item id, byte for byte."""

    item_id: str
    views: int
    carts: int
    purchases: int
    last_ms: int


class PriceSeen(msgspec.Struct, frozen=True):
    """One price that product pages showed for an item within the hour that began at ``hour_ms``.

    ``price`` is a decimal number without needless zeros; ``currency`` is empty where the event named none.
    """

    item_id: str
    hour_ms: int
    price: str
    currency: str
    views: int
    first_ms: int
    last_ms: int


class Sightings(Protocol):
    """Made by `profiles`, used by `feeds`: what the tag saw, by whole hours."""

    def items(self, workspace: str, since_ms: int) -> Iterator[ItemSeen]:
        """Yield every item id that events named since the hour of a moment, by id."""
        ...

    def prices(self, workspace: str, since_ms: int, item_ids: Collection[str] | None = None) -> Iterator[PriceSeen]:
        """Yield every price that product pages showed since the hour of a moment, by id and hour; of some items only."""
        ...


class SourceAges(msgspec.Struct, frozen=True):
    """How old one source's items are.

    ``relation`` is a table expression for the table engine with ``id``, ``seen_ms`` (last seen there), ``price_ms``,
    ``stock_ms`` and ``changed_ms`` (when each last changed, or was first seen); the whole source was read at ``read_ms``.
    """

    source: str
    relation: str
    read_ms: int


class ItemAges(Protocol):
    """Made by `catalog`, used by `feeds`."""

    def sources(self, workspace: str) -> Sequence[SourceAges]:
        """Return the ages of every source that was read, by name."""
        ...


def overlaid(base: Path, patch: Path | None) -> str:
    """Return SQL for the rows of a Parquet file, those of ``patch`` in the place of the same ``id``, in no order.

    A patch has the columns of its base and ``gone``: rows that are no more.
    """
    one, other = ("read_parquet('" + str(path).replace("'", "''") + "')" for path in (base, patch or base))
    if patch is None:
        return one
    return (
        f"(FROM {one} ANTI JOIN (SELECT id FROM {other}) USING (id) "  # noqa: S608 - files, quoted
        f"UNION ALL BY NAME SELECT * EXCLUDE (gone) FROM {other} WHERE NOT gone)"
    )


class Snapshot(msgspec.Struct, frozen=True):
    """One immutable state of a catalogue: Parquet with the columns of `rekindle.model.product.Product`.

    Column types: ``price`` and ``sale_price`` DECIMAL(18,4), ``…_ms`` and ``quantity`` BIGINT,
    ``additional_image_links`` and ``custom_labels`` VARCHAR[], ``attributes`` MAP(VARCHAR, VARCHAR), the rest VARCHAR;
    and ``source`` and ``row`` (VARCHAR, BIGINT): where each item was read. Ids are unique, and both files are sorted by them.

    ``patch`` holds what differs from ``base`` since; nobody reads either alone, but through `table`.
    """

    workspace: str
    digest: str
    base: Path
    items: int
    taken_ms: int
    patch: Path | None = None

    def table(self) -> str:
        """Return SQL for the items (DuckDB), sorted by id only where there is no patch."""
        return overlaid(self.base, self.patch)

    def some(self, ids: str) -> str:
        """Return SQL for the items whose ids are in a query's only column; what the patch has is not read in the base."""
        wanted = f"SELECT id FROM ({ids}) wanted(id)"  # noqa: S608 - a query of the caller's
        if self.patch is None:
            return f"SELECT * FROM {overlaid(self.base, None)} WHERE id IN ({wanted})"  # noqa: S608
        patch = overlaid(self.patch, None)
        rest = f"{wanted} EXCEPT SELECT id FROM {patch}"  # noqa: S608
        return (
            f"SELECT * FROM {overlaid(self.base, None)} WHERE id IN ({rest}) "  # noqa: S608
            f"UNION ALL BY NAME SELECT * EXCLUDE (gone) FROM {patch} WHERE NOT gone AND id IN ({wanted})"
        )


class Snapshots(Protocol):
    """Made by `catalog`, used by `feeds`."""

    def current(self, workspace: str) -> Snapshot | None:
        """Return the live snapshot, or None before the first import."""
        ...

    def changed(self, workspace: str, old: str, new: str, folder: Path) -> Path | None:
        """Return which items differ between two snapshots, by digest, or None when that is not known: compare them.

        It is a Parquet file in ``folder`` with ``id`` (VARCHAR, sorted) and ``gone`` (BOOLEAN: not in ``new``). Items
        differ by anything but where they were read.
        """
        ...
