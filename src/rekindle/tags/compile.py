"""Put a workspace's configuration, and the adapters of its CMPs, behind the minified runtime: one script, one digest."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec

from rekindle.workspace import Workspace, duration_ms

RUNTIME = Path(__file__).parent / "runtime"
PARTS = ("canonical.js", "consent.js", "clicks.js", "outbox.js", "pages.js", "tag.js")
"""The runtime's sources, in the order they are joined in."""
ADAPTERS = tuple(sorted(path.name.removesuffix(".min.js") for path in (RUNTIME / "adapters").glob("*.min.js")))
"""The CMPs that have an adapter, by their name in `Tag.consent_source`."""


class Script(msgspec.Struct, frozen=True):
    """``digest`` is hexadecimal and names ``body``; ``gzipped`` is the same content, compressed once."""

    digest: str
    body: bytes
    gzipped: bytes


def compile_tag(workspace: Workspace) -> Script:
    """Return the script for one workspace. The same documents always give the same bytes."""
    config = msgspec.json.encode(configuration(workspace), order="deterministic")
    return _script(config, tuple(name for name in ADAPTERS if name in workspace.tag.consent_source))


def configuration(workspace: Workspace) -> dict[str, object]:
    """Return what the runtime needs to know; the keys are ``TagConfig`` in ``runtime/types.d.ts``, without ``cmps``.

    The tag asks for the consent that `Policy.store_with` asks for at the door: what the door would refuse is not sent.
    """
    tag, policy = workspace.tag, workspace.policy
    return {
        "w": workspace.name,
        "dataLayer": tag.data_layer,
        "wait": duration_ms(tag.wait_for_consent),
        "batch": tag.batch_ms,
        "sources": tag.consent_source,
        "categories": tag.consent_categories,
        "signals": policy.store_with,
        "vendor": policy.tcf_vendor or 0,
        "purposes": policy.store_purposes,
        "optOut": policy.jurisdiction == "ccpa",
    }


def runtime() -> tuple[str, bytes]:
    """Return the digest of the sources that the minified runtime was made from, and the runtime."""
    return _minified("tag")


def adapter(name: str) -> tuple[str, bytes]:
    """Return the digest of the source of one of `ADAPTERS`, and its minified object."""
    return _minified(f"adapters/{name}")


def script(config: bytes, adapters: tuple[str, ...] = ()) -> bytes:
    """Return the script for a configuration (a JSON object with one key or more) and the named adapters."""
    cmps = b",".join(adapter(name)[1] for name in adapters)
    return b'/*! Rekindle, Apache-2.0 */(()=>{"use strict";%b;rekindle(window,%b,"cmps":[%b]})})();\n' % (
        runtime()[1],
        config.removesuffix(b"}"),
        cmps,
    )


def _minified(name: str) -> tuple[str, bytes]:
    head, _, code = (RUNTIME / f"{name}.min.js").read_bytes().partition(b"\n")
    return head.decode().removeprefix("//"), code.strip()


@lru_cache(maxsize=256)
def _script(config: bytes, adapters: tuple[str, ...]) -> Script:
    body = script(config, adapters)
    return Script(digest=hashlib.sha256(body).hexdigest()[:16], body=body, gzipped=gzip.compress(body, 9, mtime=0))
