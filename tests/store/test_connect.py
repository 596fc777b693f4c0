from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.ports import NotAllowed, TryAgain
from bot.store import Store
from bot.store.connect import connect
from tests.postgres import postgres
from tests.store.facts import note, open_incident


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "not an address"),
        ("muster.db", "not an address"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://var/muster.db", "names no file"),
        ("sqlite:///x.db?mode=ro", "names no file"),
        ("mysql://root:secret@localhost/x", "'mysql' database, which is not known"),
        ("postgresql://u:secret@host:port/x", "not an address"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_the_way_out(url: str, sentence: str) -> None:
    with pytest.raises(NotAllowed, match=sentence) as refused:
        Store.open(url)
    assert "sqlite:///PATH" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_relative_path_begins_where_we_are_and_its_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.open("sqlite:///var/deep/muster.db")
    monkeypatch.chdir("/")
    assert open_incident(store) == 1
    store.close()
    assert (tmp_path / "var/deep/muster.db").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotAllowed, match=r"file/x, cannot be made.*DATABASE_URL"):
        Store.open(f"sqlite:///{tmp_path}/file/x/muster.db")


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 500)
    with pytest.raises(NotAllowed, match=r"notes\.txt is not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text() == "These are my notes. " * 500


def test_sqlite_keeps_what_it_acknowledged_when_the_power_fails(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    with store.transaction() as transaction:
        pragma = transaction._connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2  # FULL
    store.close()


def test_a_mistake_of_ours_in_a_statement_tells_no_log_what_people_said(sqlite_url: str) -> None:
    engine = connect(sqlite_url)
    with engine.connect() as connection, pytest.raises(DBAPIError) as wrong:
        connection.execute(text("INSERT INTO nowhere VALUES (:said)"), {"said": "the password is hunter2"})
    assert "hunter2" not in str(wrong.value)
    engine.dispose()


def test_a_postgres_that_is_not_there_is_asked_again_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        port = taken.getsockname()[1]
        with pytest.raises(TryAgain, match="does not answer") as away:
            Store.open(f"postgresql://u:secret@127.0.0.1:{port}/x")
    assert "secret" not in str(away.value)


def test_a_postgres_that_goes_away_while_we_work_is_asked_again_later() -> None:
    with postgres() as url:
        store = Store.open(url + "postgres")
        open_incident(store)
    for ask in (store.ping, store.summaries, store.unanswered, lambda: store.first("x")):
        with pytest.raises(TryAgain):
            ask()
    with pytest.raises(TryAgain), store.transaction():
        pass
    store.close()


def test_a_connection_cut_within_a_transaction_undoes_it_and_the_next_one_works(
    postgres_url: str,
) -> None:
    store = Store.open(postgres_url)
    number = open_incident(store)
    with pytest.raises(TryAgain):
        _cut_while_appending(store, number, postgres_url)
    with store.transaction(incident=number) as transaction:
        assert transaction.append(number, [note("kept")]) == 1
    incident = store.incident(number)
    assert incident is not None
    assert len(incident.entries) == 2
    store.close()


def _cut_while_appending(store: Store, number: int, url: str) -> None:
    with store.transaction(incident=number) as transaction, psycopg.connect(url, autocommit=True) as admin:
        transaction.append(number, [note("lost")])
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        transaction.append(number, [note("lost too")])


def test_somebody_elses_long_transaction_is_not_waited_for_without_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.connect.PATIENCE", 1)
    one, other = Store.open(database_url), Store.open(database_url)
    number = open_incident(one)
    with (
        one.transaction(incident=number),
        pytest.raises(TryAgain, match="lock"),
        other.transaction(incident=number),
    ):
        pass
    one.close()
    other.close()
