"""Replication as its servers tell it: recorded answers of a real MariaDB; Postgres is asked in test_replica_lag.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.checks import Output, Seconds
from bot.checks.mysql import parse_status
from bot.checks.replication import from_row, from_status, replication
from bot.ports import GaveUp, TryAgain
from bot.postgres import Unanswered, ask_row, place_of
from bot.runbook.inventory import Group, Host, Inventory
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, state_of

RECORDED = Path(__file__).parent / "recorded"
SYNTAX = "ERROR 1064 (42000) at line 1: You have an error in your SQL syntax"


def inventory() -> Inventory:
    primary = Host(name="db-01", address="127.88.0.1", group="shop-db-primary")
    replica = Host(name="db-02", address="127.88.0.2", group="shop-db")
    return Inventory(
        groups={
            "shop-db-primary": Group(name="shop-db-primary", role="primary", port=33061, hosts={"db-01": primary}),
            "shop-db": Group(name="shop-db", role="replica", port=33061, primary="db-01", hosts={"db-02": replica}),
        }
    )


def target(folder: Path, output: str | Output, *, old: bool = False) -> Asked:
    """A replica whose client answers so; an old one does not know the present words."""

    def mysql(argv: Sequence[str]) -> Output:
        if old and "REPLICA" in argv[-1]:
            return said(exit=1, stderr=SYNTAX)
        return said(output) if isinstance(output, str) else output

    known = inventory()
    host = known.groups["shop-db"].hosts["db-02"]
    return Asked(host=host, inventory=known, servers={"db-02": FolderServer(folder, {"mysql": mysql})})


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("follows", (State.OK, "")),
        ("paused", (State.FAIL, "stale")),
        ("broken", (State.FAIL, "error")),
        ("elsewhere", (State.FAIL, "differs")),
    ],
)
async def test_each_state_of_a_real_mariadb_is_told_apart(
    tmp_path: Path, state: str, found: tuple[State, str], old: bool
) -> None:
    text = (RECORDED / f"mariadb-10.11-{state}.txt").read_text()
    answer = await replication(target(tmp_path, text, old=old), engine="mysql")
    assert state_of(answer) == found
    assert "insert into" not in repr(answer), "the statement that failed holds the customers' data"


def test_the_words_of_present_servers_are_the_same_answer() -> None:
    text = (RECORDED / "mariadb-10.11-follows.txt").read_text()
    present = text.replace("Slave_", "Replica_").replace("Master", "Source")
    assert from_status(parse_status(present)) == from_status(parse_status(text))


async def test_a_server_without_a_source_is_no_replica(tmp_path: Path) -> None:
    answer = await replication(target(tmp_path, ""), engine="mysql")
    assert state_of(answer) == (State.FAIL, "drifted")


async def test_a_lag_of_null_is_never_no_lag(tmp_path: Path) -> None:
    text = (RECORDED / "mariadb-10.11-follows.txt").read_text()
    for lag, found in (("NULL", "slow"), ("40", "slow"), ("20", "")):
        late = text.replace("Seconds_Behind_Master: 0", f"Seconds_Behind_Master: {lag}")
        answer = await replication(target(tmp_path, late), engine="mysql", lag_below=Seconds(30))
        assert answer.reason == found


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)", "refused"),
        ("ERROR 2003 (HY000): Can't connect to server on 'x' (110)", "timeout"),
    ],
)
async def test_a_server_that_is_not_there_has_answered(tmp_path: Path, error: str, reason: str) -> None:
    answer = await replication(target(tmp_path, said(exit=1, stderr=error)), engine="mysql")
    assert state_of(answer) == (State.FAIL, reason)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (said(exit=1, stderr="ERROR 1045 (28000): Access denied for user 'x'@'localhost'"), "no-access"),
        (said(exit=1, stderr="ERROR 1227 (42000): Access denied; you need REPLICATION CLIENT"), "no-access"),
        (said(exit=127, stderr="mysql: command not found"), "error"),
    ],
)
async def test_who_may_not_ask_has_no_answer(tmp_path: Path, output: Output, reason: str) -> None:
    with pytest.raises(GaveUp) as failure:
        await replication(target(tmp_path, output), engine="mysql")
    assert failure.value.reason == reason


async def test_a_client_that_hangs_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(TryAgain):
        await replication(target(tmp_path, said(exit=124)), engine="mysql")


@pytest.mark.parametrize("dsn", [None, "postgresql://u:p@h/db", "secret:none"])
async def test_postgres_is_asked_with_a_secret_by_its_name_only(tmp_path: Path, dsn: str | None) -> None:
    with pytest.raises(GaveUp) as failure:
        await replication(target(tmp_path, ""), engine="postgres", dsn=dsn)
    assert failure.value.reason == "no-secret"


async def test_a_postgres_that_is_not_there_has_answered_and_no_error_holds_the_password() -> None:
    with pytest.raises(Unanswered) as failure:
        await ask_row("user=u password=hunter22", "select 1", host="127.88.9.9", port=1, within=2)
    assert failure.value.reason == "refused"
    with pytest.raises(GaveUp) as broken:
        await ask_row("hunter22 hunter22", "select 1", host="127.88.9.9", port=1, within=2)
    assert "hunter22" not in f"{failure.value} {broken.value}"


def test_of_the_connection_to_the_primary_only_the_place_is_kept() -> None:
    found = from_row({"replica": True, "streams": 1, "upstream": "host=10.0.0.1 port=5433 password=hunter22"})
    assert found.source == ("10.0.0.1", 5433)
    assert "hunter22" not in repr(found)
    assert place_of("no connection") == ("", 5432)


@given(st.text())
def test_any_output_of_the_client_is_read_or_passed_over(text: str) -> None:
    found = from_status(parse_status(text))
    assert found.lag is None or found.lag == found.lag


@given(st.dictionaries(st.sampled_from(["replica", "lag", "bytes", "oldest", "upstream"]), st.text() | st.none()))
@example({"bytes": "INFINITY", "lag": "nan"})
def test_any_row_is_read(row: dict[str, object]) -> None:
    assert from_row(row).queries == 0
