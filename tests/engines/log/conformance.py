"""What every log engine must do. An engine's tests subclass `LogConformance` and give it the fixture ``opener``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from rekindle.engines.log import Consumer, Entry, Keyed, Log, LogUnavailable
from tests.conftest import FakeClock

Opener = Callable[[], Awaitable[Log]]
"""Opens the same log each time it is called; the engine's clock is the test's ``clock``."""


def keyed(*values: str, key: str = "visitor") -> list[Keyed]:
    return [Keyed(key, value.encode()) for value in values]


def texts(entries: Sequence[Entry]) -> list[str]:
    return [entry.value.decode() for entry in entries]


async def drain(consumer: Consumer, limit: int = 1000, wait_ms: int = 0) -> list[Entry]:
    found: list[Entry] = []
    while got := await consumer.poll(limit, wait_ms):
        found += got
    return found


class LogConformance:
    """Durability, order, cursors, redelivery, lag, tail, trim, closing, concurrency."""

    async def test_what_was_acknowledged_is_there_after_reopening(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed("a", "b"))
        await log.append(keyed("c"))
        await log.close()
        log = await opener()
        assert texts(await drain(await log.consumer("views"))) == ["a", "b", "c"]
        await log.close()

    async def test_bytes_come_back_as_they_went_in(self, opener: Opener) -> None:
        log = await opener()
        values = [b"", b"\x00" * 3000, bytes(range(256)) * 40, "żółć".encode()]
        await log.append([Keyed("k", value) for value in values])
        assert [entry.value for entry in await drain(await log.consumer("views"))] == values
        await log.close()

    async def test_appending_nothing_stores_nothing(self, opener: Opener) -> None:
        log = await opener()
        await log.append([])
        assert await log.tail(None, 10) == []
        await log.close()

    async def test_records_of_one_key_stay_in_order(self, opener: Opener) -> None:
        log = await opener()
        for number in range(30):
            await log.append([Keyed(key, f"{key}{number}".encode()) for key in "abc"])
        found = texts(await drain(await log.consumer("views"), limit=7))
        for key in "abc":
            assert [text for text in found if text[0] == key] == [f"{key}{number}" for number in range(30)]
        await log.close()

    async def test_offsets_grow_within_a_partition_and_name_a_record_for_ever(self, opener: Opener) -> None:
        log = await opener()
        for number in range(5):
            await log.append(keyed(f"{number}-0", f"{number}-1"))
        first = await drain(await log.consumer("one"), limit=3)
        again = await drain(await log.consumer("two"), limit=4)
        assert sorted(first) == sorted(again)
        for partition in {entry.partition for entry in first}:
            offsets = [entry.offset for entry in first if entry.partition == partition]
            assert offsets == sorted(set(offsets))
        await log.close()

    async def test_entries_say_when_they_were_appended(self, opener: Opener, clock: FakeClock) -> None:
        log = await opener()
        await log.append(keyed("a"))
        clock.advance(5000)
        await log.append(keyed("b"))
        times = {entry.value: entry.appended_ms for entry in await drain(await log.consumer("views"))}
        assert times[b"b"] - times[b"a"] == 5000
        await log.close()

    async def test_a_poll_gives_no_more_than_its_limit(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed(*map(str, range(10))))
        consumer = await log.consumer("views")
        assert len(await consumer.poll(4)) <= 4
        assert len(await drain(consumer, limit=3)) >= 6
        await log.close()

    async def test_what_was_not_committed_comes_again_after_a_restart(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed(*"abcdef"))
        consumer = await log.consumer("views")
        entries = await drain(consumer)
        await consumer.commit(entries[1])
        await log.close()
        log = await opener()
        assert texts(await drain(await log.consumer("views"))) == ["c", "d", "e", "f"]
        await log.close()

    async def test_rewind_goes_back_to_the_last_commit(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed(*"abcd"))
        consumer = await log.consumer("views")
        await consumer.commit((await consumer.poll(1))[0])
        assert texts(await drain(consumer)) == ["b", "c", "d"]
        await consumer.rewind()
        assert texts(await drain(consumer)) == ["b", "c", "d"]
        await log.close()

    async def test_consumers_do_not_see_each_others_cursors(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed(*"abc"))
        fast, slow = await log.consumer("fast"), await log.consumer("slow")
        entries = await drain(fast)
        await fast.commit(entries[-1])
        assert texts(await drain(slow)) == ["a", "b", "c"]
        await log.close()

    async def test_a_consumer_may_start_at_the_end_but_only_the_first_time(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed("old"))
        await (await log.consumer("late", start="last")).close()
        await log.append(keyed("new"))
        assert texts(await drain(await log.consumer("late", start="last"))) == ["new"]
        await log.close()

    async def test_a_waiting_poll_wakes_when_something_is_appended(self, opener: Opener) -> None:
        log = await opener()
        consumer = await log.consumer("views")
        polling = asyncio.create_task(consumer.poll(10, wait_ms=120_000))
        await asyncio.sleep(0)
        await log.append(keyed("a"))
        assert texts(await asyncio.wait_for(polling, 100)) == ["a"]
        await log.close()

    async def test_lag_counts_what_is_not_committed(self, opener: Opener, clock: FakeClock) -> None:
        log = await opener()
        consumer = await log.consumer("views")
        await log.append(keyed("a"))
        clock.advance(1000)
        await log.append(keyed("b", "c", "d"))
        clock.advance(500)
        entries = await drain(consumer)
        (lag,) = await log.lag()
        assert (lag.consumer, lag.records, lag.oldest_ms) == ("views", 4, 1500)
        await consumer.commit(entries[1])
        (lag,) = await log.lag()
        assert (lag.records, lag.oldest_ms) == (2, 500)
        await consumer.commit(entries[-1])
        (lag,) = await log.lag()
        assert (lag.records, lag.oldest_ms) == (0, 0)
        await log.close()

    async def test_a_forgotten_consumer_has_no_lag_and_starts_anew(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed("a"))
        consumer = await log.consumer("views")
        await consumer.commit((await drain(consumer))[-1])
        await consumer.close()
        await log.forget("views")
        assert await log.lag() == []
        assert texts(await drain(await log.consumer("views"))) == ["a"]
        await log.close()

    async def test_tail_gives_the_newest_and_goes_on_from_there(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed(*"abcde"))
        newest = await log.tail(None, 2)
        assert texts(newest) == ["d", "e"]
        assert await log.tail((newest[-1].partition, newest[-1].offset), 10) == []
        await log.append(keyed("f"))
        assert texts(await log.tail((newest[0].partition, newest[0].offset), 10)) == ["e", "f"]
        assert await log.lag() == []
        await log.close()

    async def test_trim_waits_for_the_slowest_consumer(self, opener: Opener, clock: FakeClock) -> None:
        log = await opener()
        fast, slow = await log.consumer("fast"), await log.consumer("slow")
        for text in "abc":
            await log.append(keyed(text))
        entries = await drain(fast)
        await fast.commit(entries[-1])
        await slow.commit((await drain(slow))[0])
        clock.advance(10_000)
        await log.append(keyed("new"))
        assert await log.trim(clock()) <= 1
        await slow.rewind()
        assert texts(await drain(slow)) == ["b", "c", "new"]
        await slow.commit(entries[-1])
        await log.trim(clock())
        await log.close()
        log = await opener()
        assert texts(await drain(await log.consumer("fresh"))) == ["new"]
        await log.close()

    async def test_trim_keeps_what_is_young(self, opener: Opener, clock: FakeClock) -> None:
        log = await opener()
        before = clock()
        await log.append(keyed("a"))
        assert await log.trim(before) == 0
        assert texts(await log.tail(None, 5)) == ["a"]
        await log.close()

    async def test_a_log_trimmed_empty_never_uses_an_offset_again(self, opener: Opener, clock: FakeClock) -> None:
        log = await opener()
        consumer = await log.consumer("views")
        await log.append(keyed("a", "b"))
        old = await drain(consumer)
        await consumer.commit(old[-1])
        clock.advance(10)
        assert await log.trim(clock()) == 2
        await log.close()
        log = await opener()
        await log.append(keyed("c"))
        new = await drain(await log.consumer("views"))
        assert texts(new) == ["c"]
        assert new[0].partition != old[-1].partition or new[0].offset > old[-1].offset
        await log.close()

    async def test_a_closed_log_acknowledges_nothing(self, opener: Opener) -> None:
        log = await opener()
        await log.append(keyed("a"))
        await log.close()
        with pytest.raises(LogUnavailable):
            await log.append(keyed("b"))
        await log.close()
        log = await opener()
        assert texts(await log.tail(None, 5)) == ["a"]
        await log.close()

    async def test_check_tells_whether_records_can_be_stored(self, opener: Opener) -> None:
        log = await opener()
        await log.check()
        assert log.waiting_bytes == 0
        assert await log.tail(None, 5) == []
        await log.close()
        with pytest.raises(LogUnavailable):
            await log.check()

    async def test_closing_finishes_what_was_asked_before(self, opener: Opener) -> None:
        log = await opener()
        asked = [asyncio.create_task(log.append(keyed(str(number)))) for number in range(20)]
        await asyncio.sleep(0)
        await log.close()
        await asyncio.gather(*asked)
        log = await opener()
        assert sorted(texts(await log.tail(None, 100))) == sorted(map(str, range(20)))
        await log.close()

    async def test_fifty_appenders_at_once_lose_and_double_nothing(self, opener: Opener) -> None:
        log = await opener()

        async def appender(name: int) -> None:
            for number in range(10):
                await log.append(keyed(f"{name}.{number}.0", f"{name}.{number}.1", key=str(name)))

        await asyncio.gather(*(appender(name) for name in range(50)))
        found = texts(await drain(await log.consumer("views"), limit=97))
        assert len(found) == len(set(found)) == 1000
        for name in range(50):
            mine = [text for text in found if text.split(".")[0] == str(name)]
            assert mine == [f"{name}.{number}.{half}" for number in range(10) for half in (0, 1)]
        await log.close()
