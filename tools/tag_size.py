"""Check the committed browser tag without Node: made from the present sources, and at most 7 KB gzipped.

The limit is for the core with any one CMP adapter; a shop that names several pays for them.
"""

from __future__ import annotations

import gzip
import hashlib
import sys

from rekindle.tags.compile import ADAPTERS, PARTS, RUNTIME, adapter, runtime

LIMIT = 7 * 1024
_REMEDY = "run `npm ci && npm run build` in tools/browser"


def problems() -> list[str]:
    found = []
    digest, code = runtime()
    if _digest(*PARTS) != digest:
        found.append(f"tag.min.js is older than its sources: {_REMEDY}")
    size = _size(code)
    print(f"tag: {len(code)} bytes, {size} gzipped, limit {LIMIT}")
    if size > LIMIT:
        found.append(f"tag.min.js is {size} bytes gzipped; the limit is {LIMIT}")
    sources = {path.stem for path in (RUNTIME / "adapters").glob("*.js") if not path.name.endswith(".min.js")}
    for name in sorted(sources ^ set(ADAPTERS)):
        found.append(f"adapters/{name}: source and minified file do not both exist: {_REMEDY}")
    for name in sorted(sources & set(ADAPTERS)):
        digest, part = adapter(name)
        if _digest(f"adapters/{name}.js") != digest:
            found.append(f"adapters/{name}.min.js is older than its source: {_REMEDY}")
        whole = _size(code + part)
        print(f"tag with {name}: {len(code) + len(part)} bytes, {whole} gzipped")
        if whole > LIMIT:
            found.append(f"tag.min.js with {name} is {whole} bytes gzipped; the limit is {LIMIT}")
    return found


def _digest(*names: str) -> str:
    return hashlib.sha256(b"\0".join((RUNTIME / name).read_bytes() for name in names)).hexdigest()


def _size(code: bytes) -> int:
    return len(gzip.compress(code, 9, mtime=0))


if __name__ == "__main__":
    found = problems()
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
