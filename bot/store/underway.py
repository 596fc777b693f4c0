"""Where the plans of repairs are kept while these run: the bytes of files with them, which may hold secrets."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from bot.store import schema
from bot.store.rows import insert_new


def keep(connection: Connection, repair: str, plan: str) -> None:
    """What is needed to go on with this repair after a crash; keeping it again changes nothing."""
    insert_new(connection, schema.underway, {"repair": repair, "plan": plan})


def find(connection: Connection, repair: str) -> str:
    """The plan of a repair that runs, empty for any other."""
    return connection.scalar(select(schema.underway.c.plan).where(schema.underway.c.repair == repair)) or ""


def forget(connection: Connection, repair: str) -> None:
    """The repair has ended. What SQLite gives free is overwritten, too."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    connection.execute(delete(schema.underway).where(schema.underway.c.repair == repair))
