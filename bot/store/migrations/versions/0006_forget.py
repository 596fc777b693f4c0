"""Indexes by age for what is swept away when it is done and old."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
DONE = sa.text("done_at IS NOT NULL")


def upgrade() -> None:
    """Make them."""
    op.create_index("due_done", "due", ["done_at"], sqlite_where=DONE, postgresql_where=DONE)
    op.create_index("heard_done", "heard", ["done_at"], sqlite_where=DONE, postgresql_where=DONE)
    op.create_index("ix_intent_at", "intent", ["at"])
