"""Check the committed browser tag without Node: made from the present sources, and at most 7 KB gzipped."""

from __future__ import annotations

import gzip
import hashlib
import sys

from rekindle.tags.compile import PARTS, RUNTIME, runtime

LIMIT = 7 * 1024


def problems() -> list[str]:
    found = []
    digest, code = runtime()
    sources = b"\0".join((RUNTIME / name).read_bytes() for name in PARTS)
    if hashlib.sha256(sources).hexdigest() != digest:
        found.append("tag.min.js is older than its sources: run `npm ci && npm run build` in tools/browser")
    size = len(gzip.compress(code, 9, mtime=0))
    print(f"tag: {len(code)} bytes, {size} gzipped, limit {LIMIT}")
    if size > LIMIT:
        found.append(f"tag.min.js is {size} bytes gzipped; the limit is {LIMIT}")
    return found


if __name__ == "__main__":
    found = problems()
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
