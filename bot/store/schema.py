"""The tables, the same on SQLite and Postgres. `fact` is the truth, `incident` and `problem` are derived."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

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
    text,
)
from sqlalchemy.types import TypeEngine


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


class Words(TypeDecorator[str]):
    """Text from outside. Postgres refuses NUL, both refuse half of a surrogate pair: these become a mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """What is stored."""
        return None if value is None else value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


metadata = MetaData()

# On SQLite only INTEGER PRIMARY KEY counts by itself.
Counter = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True)

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
    Column("closed_at", Instant),
    Column("channel_id", Words, nullable=False, default="", index=True),
    Column("channel_name", Words, nullable=False, default=""),
    Column("head", BigInteger, nullable=False, default=0),  # the last fact
    Column("shown", BigInteger, nullable=False, default=0),  # the last fact that people were shown
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
    sqlite_autoincrement=True,
)

intent = Table(
    "intent",
    metadata,
    Column("key", Words, primary_key=True),
    Column("at", Instant, nullable=False),
)

known_good = Table(
    "known_good",
    metadata,
    Column("host", Words, primary_key=True),
    Column("commit", Words, nullable=False),
    Column("tree", Words, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)
