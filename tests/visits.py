"""Short ways to write what a visitor did."""

from __future__ import annotations

from itertools import count

from rekindle.model.event import Consent, Ecommerce, Item, Page
from rekindle.model.record import ConsentChange, Stored

GRANTED = Consent(
    ad_storage="granted", analytics_storage="granted", ad_user_data="granted", ad_personalization="granted"
)
DENIED = Consent(ad_storage="denied", analytics_storage="denied", ad_user_data="denied", ad_personalization="denied")
NOT_PERSONAL = Consent(ad_storage="granted", ad_personalization="denied")

_ids = count()


def did(
    event: str,
    *item_ids: str | None,
    who: str = "s1_anna",
    at: int = 0,
    received: int | None = None,
    workspace: str = "shop",
    event_id: str | None = None,
    consent: Consent = GRANTED,
    bot: bool = False,
) -> Stored:
    return Stored(
        workspace=workspace,
        event_id=event_id or f"e{next(_ids)}",
        event=event,
        event_time_ms=at,
        received_ms=at if received is None else received,
        source="web",
        subject=who,
        page=Page(),
        ecommerce=Ecommerce(items=[Item(item_id=item_id) for item_id in item_ids]),
        consent=consent,
        bot=bot,
    )


def chose(consent: Consent, *, who: str = "s1_anna", at: int = 0, workspace: str = "shop") -> ConsentChange:
    return ConsentChange(workspace=workspace, received_ms=at, subject=who, consent=consent)
