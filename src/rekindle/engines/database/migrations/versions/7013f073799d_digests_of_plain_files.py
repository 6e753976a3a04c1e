"""digests of plain files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7013f073799d"
down_revision = "1a953eba4526"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("feed_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("plain_digest", sa.String(length=64), nullable=True))
    # Until now a version was named by its plain file.
    op.execute("UPDATE feed_versions SET plain_digest = digest")


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("feed_versions", schema=None) as batch_op:
        batch_op.drop_column("plain_digest")
