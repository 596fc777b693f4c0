"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Instant = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDONE = sa.text("done_at IS NULL")


def upgrade() -> None:
    """Make them."""
    _incidents()
    _facts()
    _problems()
    _deliveries()
    _inbox()
    _due()
    op.create_table(
        "intent",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_table(
        "known_good",
        sa.Column("host", sa.Text, primary_key=True),
        sa.Column("commit", sa.Text, nullable=False),
        sa.Column("tree", sa.Text, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
    )


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("private", sa.Boolean, nullable=False),
        sa.Column("drill", sa.Boolean, nullable=False),
        sa.Column("opened_at", Instant),
        sa.Column("closed_at", Instant),
        sa.Column("channel_id", sa.Text, nullable=False),
        sa.Column("channel_name", sa.Text, nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("shown", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_incident_channel_id", "incident", ["channel_id"])


def _facts() -> None:
    op.create_table(
        "fact",
        sa.Column("seq", Counter, primary_key=True),
        sa.Column("incident", sa.Integer, sa.ForeignKey("incident.number"), nullable=False),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("occurred_at", Instant),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("author_id", sa.Text, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source_url", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("fact_incident", "fact", ["incident", "seq"])


def _problems() -> None:
    op.create_table(
        "problem",
        sa.Column("incident", sa.Integer, sa.ForeignKey("incident.number"), primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("cycle", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("firing", sa.Boolean, nullable=False),
        sa.Column("last_at", Instant, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
    )
    where = sa.text("open")
    op.create_index("problem_open", "problem", ["fingerprint"], unique=True, sqlite_where=where, postgresql_where=where)


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("dedupe", sa.Text, nullable=False, unique=True),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("cut", sa.Boolean, nullable=False),
        sa.Column("incident", sa.Integer, sa.ForeignKey("incident.number")),
        sa.Column("ruling", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_delivery_incident", "delivery", ["incident"])


def _inbox() -> None:
    op.create_table(
        "heard",
        sa.Column("seq", Counter, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("said", sa.JSON, nullable=False),
        sa.Column("reply", sa.JSON),
        sa.Column("done_at", Instant),
        sqlite_autoincrement=True,
    )
    op.create_index("heard_open", "heard", ["seq"], sqlite_where=UNDONE, postgresql_where=UNDONE)


def _due() -> None:
    op.create_table(
        "due",
        sa.Column("seq", Counter, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("incident", sa.Integer, sa.ForeignKey("incident.number"), nullable=False),
        sa.Column("args", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("done_at", Instant),
        sqlite_autoincrement=True,
    )
    op.create_index("due_open", "due", ["seq"], sqlite_where=UNDONE, postgresql_where=UNDONE)
