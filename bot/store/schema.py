"""The tables, the same on SQLite and Postgres. `fact` is the truth, `incident` and `problem` are derived."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)
from sqlalchemy.types import TypeEngine

T = TypeVar("T", str, str | None)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time: timestamptz on Postgres, ISO 8601 text of fixed width (so that it sorts) on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type in this database."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What is stored. Raises TypeError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time without a zone cannot be stored")
        at = value.astimezone(UTC)
        return at.isoformat(timespec="microseconds") if dialect.name == "sqlite" else at

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """What comes out: aware UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def inert(value: T) -> T:
    """Text that both databases take: NUL and half of a surrogate pair, which one or both refuse, become a mark."""
    if value is None or (value.isascii() and "\x00" not in value):  # nearly always
        return value
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


class Words(TypeDecorator[str]):
    """Text from outside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """What is stored."""
        return inert(value)


metadata = MetaData()

# On SQLite only INTEGER PRIMARY KEY counts by itself.
Counter = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True)

# Written out, not as a value to fill in: only so do the databases see that a partial index fits.
OPEN = text("status <> 'closed'")
STALE = text("head > shown")
DONE = text("done_at IS NOT NULL")

incident = Table(
    "incident",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("title", Words, nullable=False, default=""),
    Column("severity", Words, nullable=False, default=""),
    Column("status", Words, nullable=False, default=""),
    Column("service", Words, nullable=False, default=""),
    Column("private", Boolean, nullable=False, default=False),
    Column("drill", Boolean, nullable=False, default=False),
    Column("opened_at", Instant),
    Column("closed_at", Instant, index=True),
    Column("channel_id", Words, nullable=False, default="", index=True),
    Column("channel_name", Words, nullable=False, default=""),
    Column("head", BigInteger, nullable=False, default=0),  # the last fact
    Column("shown", BigInteger, nullable=False, default=0),  # the last fact that people were shown
    Index("incident_open", "number", sqlite_where=OPEN, postgresql_where=OPEN),
    Index("incident_stale", "number", sqlite_where=STALE, postgresql_where=STALE),
)

fact = Table(
    "fact",
    metadata,
    Column("seq", Counter, primary_key=True),
    Column("incident", ForeignKey("incident.number"), nullable=False),
    Column("key", Words, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("occurred_at", Instant),
    Column("recorded_at", Instant, nullable=False),
    Column("author_id", Words, nullable=False),
    Column("author_name", Words, nullable=False),
    Column("source_type", Words, nullable=False),
    Column("source_url", Words, nullable=False),
    Column("data", Json, nullable=False),
    Index("fact_incident", "incident", "seq"),
    sqlite_autoincrement=True,
)

problem = Table(
    "problem",
    metadata,
    Column("incident", ForeignKey("incident.number"), primary_key=True),
    Column("fingerprint", Words, primary_key=True),
    Column("cycle", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("open", Boolean, nullable=False),
    # One problem, one open incident: held here, whatever goes wrong above.
    Index("problem_open", "fingerprint", unique=True, sqlite_where=text("open"), postgresql_where=text("open")),
    Index("problem_past", "fingerprint", "last_at"),
    Index("problem_cycle", "cycle", "last_at"),
    Index("problem_place", "place", sqlite_where=text("open"), postgresql_where=text("open")),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Words, primary_key=True),
    Column("source", Words, nullable=False),
    Column("dedupe", Words, nullable=False, unique=True),
    Column("received_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("incident", ForeignKey("incident.number"), index=True),
    Column("ruling", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("merged", Boolean, nullable=False, server_default=false()),
    Column("repeats", Integer, nullable=False, server_default="0"),
)

ruling = Table(
    "ruling",
    metadata,
    Column("delivery", ForeignKey("delivery.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("fingerprint", Words, nullable=False),
    Column("cycle", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("condition", Words, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("incident", ForeignKey("incident.number")),
    Column("proposal", Words, nullable=False),
    Column("ruling", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Index("ruling_past", "fingerprint", "at", "ruling", "condition", "cycle"),  # all that is asked for
    Index("ruling_incident", "incident", "received_at"),
    Index(
        "ruling_opened",
        "received_at",
        sqlite_where=text("ruling = 'open'"),
        postgresql_where=text("ruling = 'open'"),
    ),
)

proposal = Table(
    "proposal",
    metadata,
    Column("id", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("data", Json, nullable=False),
    Index("proposal_changed", "changed_at"),
    Index("proposal_at", "at"),
)

heard = Table(
    "heard",
    metadata,
    Column("seq", Counter, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("received_at", Instant, nullable=False),
    Column("said", Json, nullable=False),
    Column("reply", Json),
    Column("done_at", Instant),
    Index("heard_open", "seq", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
    Index("heard_done", "done_at", sqlite_where=DONE, postgresql_where=DONE),
    sqlite_autoincrement=True,
)

due = Table(
    "due",
    metadata,
    Column("seq", Counter, primary_key=True),
    Column("key", Words, nullable=False, unique=True),
    Column("flow", Words, nullable=False),
    Column("incident", ForeignKey("incident.number"), nullable=False),
    Column("args", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index("due_open", "seq", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
    Index("due_done", "done_at", sqlite_where=DONE, postgresql_where=DONE),
    sqlite_autoincrement=True,
)

intent = Table(
    "intent",
    metadata,
    Column("key", Words, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)

pulse = Table(
    "pulse",
    metadata,
    Column("name", Words, primary_key=True),
    Column("at", Instant, nullable=False),
)

begun = Table(
    "begun",
    metadata,
    Column("plan", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Index("begun_at", "at"),
)

underway = Table(
    "underway",
    metadata,
    Column("repair", Words, primary_key=True),
    Column("plan", Text, nullable=False),
)

rehearsal = Table(
    "rehearsal",
    metadata,
    Column("runbook", Words, primary_key=True),
    Column("check", Words, primary_key=True),
    Column("host", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("green_at", Instant),
)

known_good = Table(
    "known_good",
    metadata,
    Column("host", Words, primary_key=True),
    Column("commit", Words, nullable=False),
    Column("tree", Words, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)
