"""Indexes for what is asked all the time, so that a full store answers as quickly as an empty one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make them."""
    _partial("incident_open", "status <> 'closed'")
    _partial("incident_stale", "head > shown")
    op.create_index("ix_incident_closed_at", "incident", ["closed_at"])


def _partial(name: str, where: str) -> None:
    op.create_index(name, "incident", ["number"], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
