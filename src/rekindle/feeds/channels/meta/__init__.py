"""Meta product catalogue: CSV or RSS 2.0 with the namespace ``g:``; UTF-8."""

from rekindle.feeds.channel import Channel
from rekindle.feeds.formats import CSV, RSS
from rekindle.feeds.mapping import NEW, SPACED_AVAILABILITY, images, mapping
from rekindle.feeds.spec import load_spec

SPEC = load_spec(__name__)

CHANNEL = Channel(
    SPEC,
    mapping(
        SPEC,
        availability=SPACED_AVAILABILITY,
        condition=NEW,
        quantity_to_sell_on_facebook="CASE WHEN quantity > 0 THEN CAST(quantity AS VARCHAR) END",
        sale_price_effective_date=(
            "CASE WHEN sale_price < price THEN rk_range(sale_start_ms, sale_end_ms, '+00:00') END"
        ),
        additional_image_link=images(20, "%2C"),
    ),
    {"csv": CSV, "xml": RSS},
)
