"""Background steps: side by side, surviving their own faults, ending cleanly."""

from __future__ import annotations

import asyncio
import io
import json
import urllib.error
import urllib.request

import pytest
import structlog

from rekindle.ops import logs
from rekindle.ops.health import Health
from rekindle.ops.loop import run_steps


async def test_a_failing_step_does_not_stop_the_others() -> None:
    stopping = asyncio.Event()
    ran = 0

    async def broken() -> int:
        raise OSError("disk")

    async def busy() -> int:
        nonlocal ran
        ran += 1
        if ran == 5:
            stopping.set()
        return 1

    await run_steps({"broken": broken, "busy": busy}, idle_s=0.0, stopping=stopping)
    assert ran == 5


async def test_a_step_in_progress_is_finished() -> None:
    stopping = asyncio.Event()
    finished = False

    async def slow() -> int:
        nonlocal finished
        stopping.set()
        await asyncio.sleep(0)
        finished = True
        return 1

    await run_steps({"slow": slow}, idle_s=0.0, stopping=stopping)
    assert finished


def test_logs_tell_where_it_failed_and_never_what_it_choked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    logs.configure("worker")
    try:
        int("ada@shop.example")
    except ValueError as error:
        structlog.get_logger().error("step failed", step="profiles", exc_info=error)
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    line = json.loads(out.getvalue())
    assert line["message"] == "step failed"
    assert line["role"] == "worker"
    assert line["error.type"] == "ValueError"
    assert "test_loop.py" in line["error.place"]
    assert "ada@" not in out.getvalue()


def test_health_tells_ready_from_alive() -> None:
    ready = True
    health = Health("127.0.0.1", 0, lambda: ready)
    health.start()
    base = f"http://127.0.0.1:{health.port}"
    try:
        assert urllib.request.urlopen(base + "/readyz").status == 200
        ready = False
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(base + "/readyz")
        assert caught.value.code == 503
        caught.value.close()
        assert urllib.request.urlopen(base + "/livez").status == 200
        assert b"rekindle_step_done_total" in urllib.request.urlopen(base + "/metrics").read()
    finally:
        health.stop()


async def test_a_step_that_did_something_wakes_the_one_that_goes_on_with_it() -> None:
    stopping = asyncio.Event()
    made: list[str] = []
    rested = asyncio.Event()

    async def first() -> int:
        if not rested.is_set() or made:
            return 0
        made.append("first")
        return 1

    async def second() -> int:
        if made:
            made.append("second")
            stopping.set()
        elif not rested.is_set():
            rested.set()  # from now on it would rest for an hour
        return 0

    steps = {"second": second, "first": first}
    await asyncio.wait_for(run_steps(steps, idle_s=3600, stopping=stopping, wakes={"first": "second"}), 120)
    assert made == ["first", "second"]
