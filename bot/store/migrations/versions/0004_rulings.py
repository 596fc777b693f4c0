"""Each alert's own ruling, the proposals, and what was missing to find problems fast."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Instant = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
OPEN = sa.text("open")
OPENED = sa.text("ruling = 'open'")


def upgrade() -> None:
    """Make a place for them."""
    op.create_table(
        "proposal",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_index("proposal_changed", "proposal", ["changed_at"])
    op.create_index("proposal_at", "proposal", ["at"])
    _rulings()
    op.add_column("delivery", sa.Column("merged", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("delivery", sa.Column("repeats", sa.Integer, nullable=False, server_default="0"))
    op.create_index("problem_past", "problem", ["fingerprint", "last_at"])
    op.create_index("problem_cycle", "problem", ["cycle", "last_at"])
    op.create_index("problem_place", "problem", ["place"], sqlite_where=OPEN, postgresql_where=OPEN)


def _rulings() -> None:
    op.create_table(
        "ruling",
        sa.Column("delivery", sa.Text, sa.ForeignKey("delivery.id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("cycle", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("incident", sa.Integer, sa.ForeignKey("incident.number")),
        sa.Column("proposal", sa.Text, nullable=False),
        sa.Column("ruling", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index(
        "ruling_past", "ruling", ["fingerprint", "at", "ruling", "condition", "cycle"]
    )  # all that is asked for
    op.create_index("ruling_incident", "ruling", ["incident", "received_at"])
    op.create_index("ruling_opened", "ruling", ["received_at"], sqlite_where=OPENED, postgresql_where=OPENED)
