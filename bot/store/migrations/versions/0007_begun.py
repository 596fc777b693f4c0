"""Which repairs began, over all incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

Instant = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make a place for it."""
    op.create_table(
        "begun",
        sa.Column("plan", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("begun_at", "begun", ["at"])
