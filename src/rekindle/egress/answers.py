"""Shared parts of reading answers: the same verdict for a whole batch, waits, and words without personal data."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from rekindle.egress.connector import Answer, CredentialAction, Disposition, Retry, Verdict

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding an answer raises when it is no JSON, not UTF-8, something else, or nested without end."""
_MOST_WAIT_MS: Final = 86_400_000
_WORDS: Final = 300
_PRIVATE: Final = (
    (re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+"), "[e-mail]"),
    (re.compile(r"https?://\S+"), "[url]"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "[ip]"),
    (re.compile(r"(?i)(?<![0-9a-z])(?:[0-9a-f]{1,4}:){2,7}[0-9a-f:]*"), "[ip]"),
    (re.compile(r"\bfb\.\d\.\d+\.\S+"), "[click id]"),
    # Tokens, hashes and other long opaque words.
    (re.compile(r"(?=[A-Za-z_\-]*\d)[A-Za-z0-9_\-]{20,}"), "[masked]"),
    (re.compile(r"\+?\d[\d ()\-]{7,}\d"), "[number]"),
)


def same(
    disposition: Disposition,
    size: int,
    *,
    credential_action: CredentialAction | None = None,
    retry: Retry | None = None,
    words: str = "",
    trace: str = "",
    ticket: str = "",
) -> Verdict:
    """Return one disposition for every event of the batch."""
    return Verdict((disposition,) * size, credential_action, retry, words, trace[:100], ticket)


def masked(words: str) -> str:
    """Return a platform's words fit to be stored and shown: shortened, and without what can name a person or a token."""
    text = "".join(character if character.isprintable() else " " for character in words[: 4 * _WORDS])
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return " ".join(text.split())[:_WORDS]


def retry_after_ms(answer: Answer) -> int:
    """Return the wait the platform asks for: ``Retry-After`` in seconds or as an HTTP date (with the answer's ``Date``).

    Meta's ``x-business-use-case-usage`` (minutes until access returns) counts too. 0 when nothing is asked; a day at most.
    """
    return min(max(_retry_after(answer), _business_use_case(answer)), _MOST_WAIT_MS)


def _retry_after(answer: Answer) -> int:
    asked = answer.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return int(asked[:9]) * 1000
    then, now = _http_date(asked), _http_date(answer.headers.get("date", ""))
    return max(0, then - now) if then and now else 0


def _http_date(text: str) -> int:
    from email.utils import parsedate_to_datetime

    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return 0


class _Usage(msgspec.Struct):
    estimated_time_to_regain_access: int = 0


_usage = msgspec.json.Decoder(dict[str, list[_Usage]])


def _business_use_case(answer: Answer) -> int:
    try:
        found = _usage.decode(answer.headers.get("x-business-use-case-usage", "{}"))
    except UNREADABLE:
        return 0
    minutes = max((usage.estimated_time_to_regain_access for each in found.values() for usage in each), default=0)
    return max(0, minutes) * 60_000
