"""A lease says that a replica is alive. It ends with the process, however that ends: no clock is involved."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from bot.store.connect import our_errors
from bot.store.locks import lock_key

HALF = 0xFFFFFFFF


class Lease:
    """Held from the beginning until `release`, of which `ended` is told. On SQLite, where there is one process, it is
    only a note.
    """

    def __init__(self, engine: Engine, executor: str, *, ended: Callable[[Lease], None]) -> None:
        self.executor = executor
        self._engine = engine
        self._ended = ended
        self._guard = Lock()
        self._connection: Connection | None = None
        self._held = False
        self.keep()

    @property
    def held(self) -> bool:
        """Whether it was held when `keep` last looked."""
        return self._held

    def keep(self) -> None:
        """Look whether it is still held, and take it again if its connection broke. Raises TryAgain if not."""
        with self._guard, our_errors():
            if self._engine.dialect.name == "postgresql" and not self._answers():
                self._held = False
                self._take()
            self._held = True

    def release(self) -> None:
        """Give it up."""
        with self._guard:
            self._drop()
            self._held = False
        self._ended(self)

    def _answers(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def _take(self) -> None:
        self._drop()
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            # When the whole machine of a replica dies, nobody hangs up: Postgres must find out within 30 s.
            for setting, value in (("idle", 10), ("interval", 5), ("count", 3)):
                connection.execute(text(f"SET tcp_keepalives_{setting} = {value}"))
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": lock_key(f"lease/{self.executor}")})
        except DBAPIError:
            connection.invalidate()
            connection.close()
            raise
        self._connection = connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError):  # it may be broken already, which releases it as well
                self._connection.invalidate()  # really closed: a pooled connection would go on holding the lock
                self._connection.close()
            self._connection = None


def leased(connection: Connection, executor: str) -> bool:
    """Whether some process holds this executor's lease (Postgres)."""
    key = lock_key(f"lease/{executor}")
    query = text(
        "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint = :high AND objid::bigint = :low)"
    )
    return bool(connection.scalar(query, {"high": key >> 32 & HALF, "low": key & HALF}))
