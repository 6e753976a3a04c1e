"""Reason codes in words, for programs that read codes from the other addresses."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.params import QueryParameter

from rekindle.console.words import words_of
from rekindle.model.reasons import REASONS

Language = Annotated[Literal["en", "pl"], QueryParameter()]


class ReasonWords(msgspec.Struct, frozen=True):
    """One code; ``remedy`` is "" where there is nothing to say."""

    code: str
    words: str
    remedy: str


@get("/api/w/{workspace:str}/reasons", opt={"action": "view"}, sync_to_thread=False)
def data(language: Language = "en") -> list[ReasonWords]:
    """Return every reason code with its words and what to do about it."""
    words = words_of(language)
    return [ReasonWords(code, words.reason(code), words.remedy(code)) for code in sorted(REASONS)]


HANDLERS = [data]
