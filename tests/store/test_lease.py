from __future__ import annotations

import subprocess
import sys
import time

import psycopg
import pytest

from bot.ports import TryAgain
from bot.store import Store


def test_a_lease_says_that_its_executor_is_alive_until_it_is_released(store: Store) -> None:
    assert not store.alive("a")
    lease = store.lease("a")
    assert store.alive("a")
    assert not store.alive("b")
    lease.keep()
    lease.release()
    assert not store.alive("a")


def test_a_lease_that_was_released_is_forgotten(store: Store) -> None:
    for _ in range(3):
        store.lease("repair/web").release()
    kept = store.lease("a")
    assert store._leases == {kept}


def test_other_replicas_see_a_lease_end_with_its_process(postgres_url: str) -> None:
    program = f"""
from bot.store import Store
lease = Store.open({postgres_url!r}).lease("other")
print("held", flush=True)
input()
"""
    store = Store.open(postgres_url)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as replica:
        assert replica.stdout is not None
        assert replica.stdout.readline() == "held\n"
        assert store.alive("other")
        replica.kill()
    while store.alive("other"):  # until Postgres has noticed; the test as a whole has a time limit
        time.sleep(0.02)
    store.close()


def test_a_lease_whose_connection_broke_is_taken_again(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    lease = store.lease("a")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert not store.alive("a")
    lease.keep()
    assert store.alive("a")
    store.close()


def test_nobody_gets_a_lease_that_another_one_holds(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.connect.PATIENCE", 1)
    one, other = Store.open(postgres_url), Store.open(postgres_url)
    one.lease("a")
    with pytest.raises(TryAgain):
        other.lease("a")
    one.close()
    other.lease("a").release()
    other.close()
