"""The Global Vendor List: stored by version, read by the version that a string names, alarmed when it is old."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from rekindle.engines.blobs import FolderBlobs
from rekindle.engines.database import Database
from rekindle.model.event import Consent, Ecommerce, Page
from rekindle.model.record import Stored
from rekindle.privacy.consent import VendorListError
from rekindle.privacy.consent.known_vendors import KNOWN, TABLE
from rekindle.privacy.decide import decide
from rekindle.privacy.vendor_lists import VendorListMetrics, VendorLists
from rekindle.workspace import DestinationConsent, Policy
from tests.conftest import FakeClock
from tests.privacy.encode import tcf

DAY = 86_400_000


def document(version: int, **vendors: Any) -> bytes:
    entry = {"purposes": [1, 3, 4], "legIntPurposes": [7], "flexiblePurposes": [], "specialFeatures": [1]}
    known = {"91": entry | vendors.get("criteo", {}), "1126": entry}
    return msgspec.json.encode(
        {"vendorListVersion": version, "lastUpdated": f"2026-0{version}-01T16:00:00Z", "vendors": known}
    )


@pytest.fixture
def lists(database: Database, tmp_path: Path, clock: FakeClock) -> VendorLists:
    return VendorLists(database, FolderBlobs(tmp_path / "blobs"), clock)


def reason(lists: VendorLists, clock: FakeClock, vendor: int, purposes: list[int], **changes: Any) -> str:
    day = clock() // 100 // 864_000 * 864_000
    values = {"vendors": [91, 755, 1126, 9999], "vendors_li": [91], "disclosed": [91, 755, 1126, 9999]} | changes
    consent = Consent(tcf=tcf(created=day, updated=day, purposes=[1, 2, 3, 4, 7, 9, 10], purposes_li=[7], **values))
    stored = Stored("shop", "e1", "view_item", 1, 1, "web", "s1_a", Page(), Ecommerce(), consent)
    rule = DestinationConsent(consent_mode=[], tcf_vendor=vendor, tcf_purposes=purposes)
    return decide(
        stored, "d", rule, Policy(), fields=frozenset(), latest=None, suppressed=False, now_ms=clock(), vendors=lists
    ).reason


def test_without_an_import_the_excerpt_decides(lists: VendorLists, clock: FakeClock) -> None:
    assert lists.read_by(200) is KNOWN
    assert lists.age().shipped
    assert lists.age().old
    assert reason(lists, clock, 9999, [1, 3]) == "ok"  # a vendor that it does not know: consent to every purpose
    assert reason(lists, clock, 91, [1, 5]) == "purpose-not-declared"


def test_the_whole_list_knows_who_does_not_exist(lists: VendorLists, clock: FakeClock) -> None:
    lists.add(document(3))
    assert reason(lists, clock, 9999, [1, 3]) == "vendor-unknown"
    assert reason(lists, clock, 1126, [1, 2]) == "purpose-not-declared"
    assert reason(lists, clock, 1126, [1, 3]) == "ok"


def test_a_string_is_read_with_the_list_it_names(lists: VendorLists, clock: FakeClock) -> None:
    lists.add(document(3, criteo={"purposes": [1, 3, 4, 9]}))
    lists.add(document(5))
    assert reason(lists, clock, 91, [1, 9], list_version=3) == "ok"
    assert reason(lists, clock, 91, [1, 9], list_version=5) == "purpose-not-declared"
    assert reason(lists, clock, 91, [1, 9], list_version=4) == "purpose-not-declared"  # not here: the newest


def test_who_was_deleted_since_is_deleted_in_older_lists_too(lists: VendorLists, clock: FakeClock) -> None:
    lists.add(document(3))
    assert reason(lists, clock, 91, [1], list_version=3) == "ok"
    lists.add(document(4, criteo={"deletedDate": "2026-04-01T00:00:00Z"}))
    assert reason(lists, clock, 91, [1], list_version=3) == "vendor-deleted"


def test_legitimate_interest_is_read_from_the_list(lists: VendorLists, clock: FakeClock) -> None:
    lists.add(document(3))
    assert reason(lists, clock, 91, [7]) == "ok"
    assert reason(lists, clock, 91, [7], vendors_li=[]) == "no-vendor-li"


def test_a_lost_or_broken_list_means_no(lists: VendorLists, clock: FakeClock, tmp_path: Path) -> None:
    stored = lists.add(document(3))
    path = FolderBlobs(tmp_path / "blobs").path(stored.digest)
    path.chmod(0o600)
    path.unlink()
    assert reason(lists, clock, 91, [1]) == "consent-code-failed"


def test_another_process_sees_it_within_a_minute(
    lists: VendorLists, database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    other = VendorLists(database, FolderBlobs(tmp_path / "blobs"), clock)
    assert other.read_by(3) is KNOWN
    lists.add(document(3))
    clock.advance(60_000)
    assert other.read_by(3).version == 3


def test_an_index_that_cannot_be_read_changes_nothing(lists: VendorLists, database: Database, clock: FakeClock) -> None:
    lists.add(document(3))
    assert lists.read_by(3).version == 3
    with database.begin() as connection:
        connection.execute(sa.text("DROP TABLE privacy_vendor_lists"))
    clock.advance(60_000)
    assert lists.read_by(3).version == 3


def test_age_is_told_and_alarmed(lists: VendorLists, clock: FakeClock) -> None:
    lists.add(document(9))
    published = lists.stored()[0].published_ms
    clock.advance(published + 30 * DAY - clock())
    assert not lists.age().old
    clock.advance(DAY)
    assert lists.age().old
    told = {metric.name: metric.samples[0].value for metric in VendorListMetrics(lists).collect()}
    assert told == {"rekindle_vendor_list_age_days": 31, "rekindle_vendor_list_version": 9}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"vendors": {"x": {}}}', b'{"vendors": {}, "vendorListVersion": 3}']
)
def test_what_is_no_list_is_refused(lists: VendorLists, data: bytes) -> None:
    with pytest.raises(VendorListError):
        lists.add(data)
    assert lists.stored() == []


def test_every_known_vendor_has_a_source() -> None:
    for number, known in TABLE.items():
        assert known.source
        assert known.vendor.id == number
    # Only what the newest list that was read says is taken for a legitimate interest.
    assert [number for number, known in TABLE.items() if known.vendor.legitimate_interest] == [755]
