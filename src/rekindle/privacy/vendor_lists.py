"""The operator's copies of the Global Vendor List: stored by version, found by the version that a string names."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa
import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from rekindle.engines.blobs import Blobs
from rekindle.engines.blobs.protocol import BlobMissing
from rekindle.engines.database import Database
from rekindle.engines.database.core import upsert
from rekindle.model.clock import Clock
from rekindle.privacy._tables import vendor_lists as table
from rekindle.privacy.consent.known_vendors import KNOWN
from rekindle.privacy.consent.vendors import VendorList, VendorListError, read_vendor_list
from rekindle.workspace import Workspace

OLD_DAYS = 30
"""The list is published weekly; one that is older than this is alarmed."""

_LOOK_MS = 60_000
_HELD = 8
_log = structlog.get_logger("vendor_lists")


class StoredList(msgspec.Struct, frozen=True):
    """One imported list: its version, the blob, when it was published and imported (ms), how many vendors it has."""

    version: int
    digest: str
    published_ms: int
    imported_ms: int
    vendors: int


class Age(msgspec.Struct, frozen=True):
    """How old the newest list is; ``shipped`` when none was imported and the excerpt that comes along decides."""

    version: int
    published_ms: int
    days: int
    shipped: bool

    @property
    def old(self) -> bool:
        """Whether a person should import a newer one."""
        return self.days > OLD_DAYS


class VendorLists:
    """All processes share the lists; one imported elsewhere is used within a minute. Safe in several threads.

    A string is read by the version it names where that was imported, otherwise by the newest; a vendor deleted in the
    newest is deleted in all. Where nothing was imported, or the index cannot be read at the start, the excerpt decides.
    """

    def __init__(self, database: Database, blobs: Blobs, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._index: dict[int, StoredList] = {}
        self._looked_ms = -_LOOK_MS
        self._read: OrderedDict[int, VendorList] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, data: bytes) -> StoredList:
        """Store a ``vendor-list.json`` under its version, in place of an earlier import. Raises `VendorListError`."""
        found = parse(data)
        row = StoredList(found.version, self._blobs.put(data), found.published_ms, self._clock(), len(found.vendors))
        values = msgspec.structs.asdict(row)
        statement = upsert(table, self._database.dialect).values(workspace="", **values)
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "version"], set_=values))
        with self._lock:
            self._looked_ms = -_LOOK_MS
            self._read.clear()
        return row

    def stored(self) -> Sequence[StoredList]:
        """Return what was imported, newest version first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.version.desc())).all()
        return [StoredList(row.version, row.digest, row.published_ms, row.imported_ms, row.vendors) for row in rows]

    def age(self) -> Age:
        """Return how old the newest list is."""
        with self._lock:
            self._look()
            newest = self._index[max(self._index)] if self._index else None
        now = self._clock()
        if newest is None:
            return Age(KNOWN.version, KNOWN.published_ms, KNOWN.age_days(now), shipped=True)
        days = max(0, now - newest.published_ms) // 86_400_000
        return Age(newest.version, newest.published_ms, days, shipped=False)

    def read_by(self, version: int) -> VendorList:
        """Return the list by which a string that names ``version`` is read."""
        with self._lock:
            self._look()
            if not self._index:
                return KNOWN
            newest = max(self._index)
            return self._load(version if version in self._index else newest, newest)

    def _look(self) -> None:
        now = self._clock()
        if 0 <= now - self._looked_ms < _LOOK_MS:
            return
        self._looked_ms = now
        try:
            index = {one.version: one for one in self.stored()}
        except SQLAlchemyError as error:
            # What was known goes on: a list is no permission, and the next look may succeed.
            _log.error("the index of vendor lists cannot be read", error=type(error).__name__)
            return
        if index != self._index:
            self._index = index
            self._read.clear()

    def _load(self, version: int, newest: int) -> VendorList:
        held = self._read.get(version)
        if held is None:
            try:
                held = parse(self._blobs.path(self._index[version].digest).read_bytes())
            except (BlobMissing, OSError, VendorListError) as error:
                # Raised inside a decision, this means: do not send.
                raise VendorListError(f"vendor list {version} cannot be read: {type(error).__name__}") from None
            if version != newest:
                held = _deleted_since(held, self._load(newest, newest))
            self._read[version] = held
            if len(self._read) > _HELD:
                self._read.popitem(last=False)
        return held


class VendorListMetrics(Collector):
    """``rekindle_vendor_list_age_days`` and ``rekindle_vendor_list_version``; version 0: nothing was imported."""

    def __init__(self, lists: VendorLists) -> None:
        self._lists = lists

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        age = self._lists.age()
        yield GaugeMetricFamily("rekindle_vendor_list_age_days", "Days since the vendor list appeared", value=age.days)
        yield GaugeMetricFamily(
            "rekindle_vendor_list_version",
            "Newest vendor list; 0: only the excerpt",
            value=0 if age.shipped else age.version,
        )


def reads_strings(workspace: Workspace) -> bool:
    """Tell whether the workspace decides by vendors of TC strings, so that the list's age matters to it."""
    mapped = any(one.enabled and one.consent.tcf_vendor is not None for one in workspace.destinations.values())
    return mapped or workspace.policy.tcf_vendor is not None


def parse(data: bytes) -> VendorList:
    """Read the bytes of a ``vendor-list.json`` that has a version, a date and vendors. Raises `VendorListError`."""
    try:
        found = read_vendor_list(msgspec.json.decode(data))
    except msgspec.MsgspecError as error:
        raise VendorListError(f"vendor list: not JSON: {error}") from None
    if found.version < 1 or not found.published_ms or not found.vendors:
        raise VendorListError(
            "vendor list: vendorListVersion, lastUpdated or vendors is missing; take the file as it is published"
        )
    return found


def _deleted_since(old: VendorList, newest: VendorList) -> VendorList:
    gone = {
        number: msgspec.structs.replace(vendor, deleted_ms=newest.vendors[number].deleted_ms)
        for number, vendor in old.vendors.items()
        if number in newest.vendors and newest.vendors[number].deleted_ms is not None
    }
    return msgspec.structs.replace(old, vendors={**old.vendors, **gone}) if gone else old
