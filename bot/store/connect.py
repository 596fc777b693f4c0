"""From DATABASE_URL to a database that keeps what it acknowledged, and its errors in our words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.ports import NotAllowed, TryAgain

WAYS = "write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
PATIENCE = 10
"""Seconds to wait for somebody else's lock."""


def connect(url: str) -> Engine:
    """An engine for this address; nothing is asked of it yet. Raises NotAllowed for a bad address."""
    address = address_of(url)
    return _sqlite(address) if address.drivername == "sqlite" else _postgresql(address)


def address_of(url: str) -> URL:
    """What DATABASE_URL says, with our driver. Raises NotAllowed for what is no address of ours."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as problem:  # the text of the URL is not repeated: it may hold a password
        raise NotAllowed(f"DATABASE_URL is not an address of a database: {WAYS}.") from problem
    if address.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return address.set(drivername="postgresql+psycopg")
    if address.drivername != "sqlite":
        raise NotAllowed(f"DATABASE_URL names a {address.drivername!r} database, which is not known: {WAYS}.")
    if address.host or address.query or address.database in {None, "", ":memory:"}:
        raise NotAllowed("DATABASE_URL names no file: write sqlite:///PATH (three slashes, then the path).")
    return address


def _sqlite(address: URL) -> Engine:
    path = Path(address.database or "").absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise NotAllowed(
            f"The folder of the database, {path.parent}, cannot be made ({problem.strerror}): "
            "name another path in DATABASE_URL."
        ) from problem
    engine = create_engine(
        address.set(database=str(path)),
        hide_parameters=True,  # an error may be logged, and what people said may not
        connect_args={"timeout": PATIENCE, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver would begin late and without IMMEDIATE
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later fails when another one wrote in between.
        writes = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(address: URL) -> Engine:
    engine = create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=PATIENCE,
        connect_args={"connect_timeout": PATIENCE},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.execute(f"SET lock_timeout = '{PATIENCE}s'")
        connection.commit()

    return engine


def use_wal(engine: Engine) -> None:
    """Let readers and the writer of a SQLite file not wait for each other; the file remembers it."""
    if engine.dialect.name != "sqlite":
        return
    until = time.monotonic() + PATIENCE
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        while not _switched(raw):
            if time.monotonic() > until:
                raise TryAgain("The database is busy: another process is opening it.", reason="database")
            time.sleep(0.02)


def _switched(raw: Any) -> bool:
    # SQLite does not wait for its own lock timeout here, so two processes that start together must ask again.
    try:
        return bool(raw.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal")
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return False
        raise


@contextmanager
def our_errors() -> Iterator[None]:
    """Turns a database that is away, busy or full into TryAgain. Anything else is our own mistake."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as problem:
        said = str(getattr(problem, "orig", None) or problem).strip().splitlines() or ["no reason given"]
        raise TryAgain(f"The database does not answer: {said[0].rstrip('.')}.", reason="database") from problem
