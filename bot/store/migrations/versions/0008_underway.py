"""The plans of repairs that run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make a place for them."""
    op.create_table(
        "underway",
        sa.Column("repair", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
    )
