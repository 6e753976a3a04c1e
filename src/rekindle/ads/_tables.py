"""How many ads were served; counted, never by person."""

from __future__ import annotations

import sqlalchemy as sa

from rekindle.engines.database import metadata

served = sa.Table(
    "ads_served",
    metadata,
    sa.Column("workspace", sa.String(63), primary_key=True),
    sa.Column("placement", sa.String(63), primary_key=True),
    sa.Column("hour_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("personal", sa.Boolean, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
