"""Brings a database up to date when it is opened. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, inspect, text

from bot.ports import NotAllowed
from bot.store.locks import lock_for_transaction

HEAD = "0008"
"""The newest file in migrations/versions/."""

MIGRATIONS = Path(__file__).parent / "migrations"
_one_at_a_time = Lock()  # Alembic keeps its running migration in module globals


def migrate(engine: Engine) -> None:
    """Run what is missing, once, however many processes start together. Raises NotAllowed for a newer database."""
    with engine.begin() as connection:
        if version_of(connection) == HEAD:
            return
    with _one_at_a_time, engine.connect() as plain:
        connection = plain.execution_options(write=True)
        with connection.begin():
            lock_for_transaction(connection, "migrate", patience="60s")
            if version_of(connection) != HEAD:
                _upgrade(connection)


def version_of(connection: Connection) -> str | None:
    """The version that the database is at; None when nothing is in it yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if (version := version_of(connection)) and version not in known:
        raise NotAllowed(
            f"The database was written by a newer Muster (version {version}, this one knows {HEAD}): "
            "nothing was changed. Start that newer version, or name another database in DATABASE_URL."
        )
    command.upgrade(config, "head")
