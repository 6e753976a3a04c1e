"""Click ids in a landing page's address, for senders that did not read them themselves."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from rekindle.model.event import Client

# Names as the platforms write them, lower-cased: Snapchat's is ScCid.
_FIELDS = frozenset({"gclid", "gbraid", "wbraid", "ttclid", "msclkid", "epik", "sccid", "rdt_cid", "li_fat_id"})
_LONGEST = 512
# Looking costs a hundredth of parsing, and few pages are landing pages.
_ANY = re.compile(r"(?:clid|braid|epik|sccid|rdt_cid|li_fat_id)=", re.IGNORECASE)


def read_click_ids(client: Client, url: str | None, seen_ms: int) -> None:
    """Set the click ids of ``url`` that ``client`` has no value for.

    ``fbclid`` becomes ``fbc``: ``fb.1.<ms>.<fbclid>`` (Meta Conversions API, ClickID and the fbp and fbc parameters).
    """
    if url is None or "?" not in url or _ANY.search(url) is None:
        return
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return
    for name, value in pairs:
        field = name.lower()
        if not value or len(value) > _LONGEST:
            continue
        if field in _FIELDS and getattr(client, field) is None:
            setattr(client, field, value)
        elif field == "fbclid" and client.fbc is None:
            client.fbc = f"fb.1.{seen_ms}.{value}"
