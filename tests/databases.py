"""Fixtures: an up-to-date empty database of each kind for every test, at the price of a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bot.store import Store
from tests.postgres import postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a Postgres for this session, up to and without the database's name."""
    with postgres() as url:
        with psycopg.connect(url + "postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE template_muster")
        Store.open(url + "template_muster").close()
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh Postgres database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server + "postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template_muster")
        yield postgres_server + name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An up-to-date SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "muster.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'muster.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of each kind in turn."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind in turn without any table; on SQLite not even the folder is there."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'muster.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(server + "postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield server + name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store on each kind of database in turn."""
    store = Store.open(database_url)
    yield store
    store.close()
