"""Click ids in a landing page's address, for senders that did not read them themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from rekindle.model.event import Client, User

# Names as the platforms write them, lower-cased: Snapchat's is ScCid.
_FIELDS = frozenset({"gclid", "gbraid", "wbraid", "ttclid", "msclkid", "epik", "sccid", "rdt_cid", "li_fat_id"})
# Those that have no field of their own are kept with the person's other references: OpenAI's.
_EXTERNAL = frozenset({"oppref"})
_LONGEST = 512
# Looking costs a hundredth of parsing, and few pages are landing pages.
_ANY = re.compile(r"(?:clid|braid|epik|sccid|rdt_cid|li_fat_id|oppref)=", re.IGNORECASE)


def find_click_ids(url: str) -> tuple[tuple[str, str], ...]:
    """Return the fields of `Client`, ``fbclid`` and ``oppref``, as far as ``url`` has a value for them."""
    if "?" not in url or _ANY.search(url) is None:
        return ()
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return ()
    return tuple(
        (field, value)
        for name, value in pairs
        if ((field := name.lower()) in _FIELDS or field in _EXTERNAL or field == "fbclid")
        and 0 < len(value) <= _LONGEST
    )


def set_click_ids(client: Client, user: User, found: Iterable[tuple[str, str]], seen_ms: int) -> None:
    """Set those of ``found`` that ``client`` and ``user`` have no value for.

    ``fbclid`` becomes ``fbc``: ``fb.1.<ms>.<fbclid>`` (Meta Conversions API, ClickID and the fbp and fbc parameters).
    """
    for field, value in found:
        if field == "fbclid":
            if client.fbc is None:
                client.fbc = f"fb.1.{seen_ms}.{value}"
        elif field in _EXTERNAL:
            user.external = {field: value} | (user.external or {})
        elif getattr(client, field) is None:
            setattr(client, field, value)
