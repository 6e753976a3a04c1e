"""What the allocator keeps: few arenas, whatever the threads."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from rekindle.ops.memory import few_arenas

# Each thread holds a little, so that glibc would give it an arena; `malloc_info` counts the heaps of all of them.
_COUNT = """
    import ctypes, os, sys, threading
    from rekindle.ops.memory import few_arenas
    if sys.argv[1] == "few":
        assert few_arenas()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    ready, done = threading.Barrier(17), threading.Event()
    def work():
        libc.malloc(1000)
        ready.wait()
        done.wait()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(16)]
    for thread in threads:
        thread.start()
    ready.wait()
    libc.fdopen.restype = ctypes.c_void_p
    read, write = os.pipe()
    stream = ctypes.c_void_p(libc.fdopen(write, b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(os.read(read, 1 << 20).count(b"<heap nr="))
    done.set()
"""


@pytest.mark.skipif(not few_arenas(), reason="only glibc has arenas that can be counted")
def test_threads_share_two_arenas():
    def arenas(how: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(_COUNT), how]
        done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
        return int(done.stdout)

    assert arenas("few") <= 2 < arenas("many")
