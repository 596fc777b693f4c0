"""Until when we could hear."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Instant = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make a place for it."""
    op.create_table(
        "pulse",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", Instant, nullable=False),
    )
