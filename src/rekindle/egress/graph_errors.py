"""Errors of Meta's Graph API. Sources: Graph API "Handle errors" and "Rate limits"; Marketing API "Error reference"."""

from __future__ import annotations

from typing import Any, Final

import msgspec

EXPIRED: Final = frozenset({102, 190})
# Application, user, page and custom-audience limits; 80000–80014 are the business-use-case limits.
THROTTLED: Final = frozenset({4, 17, 32, 341, 368, 613}) | frozenset(range(80_000, 80_015))
# No right to the pixel or catalogue: nothing is wrong with what was sent, and all else would be refused as well.
FORBIDDEN: Final = frozenset({3, 10, 200, 294})
NO_ACCESS_SUBCODE: Final = 33


class GraphError(msgspec.Struct):
    """An error of any call."""

    code: int = 0
    error_subcode: int = 0
    message: str = ""
    error_user_title: str = ""
    error_user_msg: str = ""
    error_data: Any = None
    is_transient: bool = False
    fbtrace_id: str = ""
