"""What the interpreter does by itself, and a process that serves others wants otherwise."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TURN_S = 0.001


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without looking for garbage meanwhile: there is hardly any, and looking takes a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def settled() -> None:
    """Call it when a process is set up and goes on for long.

    What was loaded stays, so the collector need not walk all of it again and again, with everything stopped. And a thread
    that computes gives way after a millisecond, not five: else each wait of the event loop for a thread costs the others
    five, and one that maps a large batch slows those that send small ones.
    """
    gc.freeze()
    sys.setswitchinterval(_TURN_S)
