from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bot.ports import NotAllowed
from bot.store import Store
from bot.store.connect import connect
from bot.store.migrate import HEAD, MIGRATIONS
from bot.store.schema import metadata
from tests.store.facts import open_incident


def test_the_migrations_make_the_tables_that_the_code_knows(database_url: str) -> None:
    engine = connect(database_url)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_processes_that_start_together_make_the_tables_once(empty_database_url: str) -> None:
    program = f"from bot.store import Store; Store.open({empty_database_url!r}).close()"
    starts = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [start.wait(60) for start in starts] == [0, 0, 0, 0]
    store = Store.open(empty_database_url)
    assert open_incident(store) == 1
    store.close()


def test_opening_an_up_to_date_database_does_not_load_alembic(database_url: str) -> None:
    program = f"""
import sys
from bot.store import Store
Store.open({database_url!r}).close()
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    engine = connect(database_url)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(NotAllowed, match=r"newer Muster \(version 9999.*nothing was changed"):
        Store.open(database_url)
