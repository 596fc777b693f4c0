"""The shipped runbooks of replicas: Postgres on a real primary and replica, MySQL on what a real MariaDB said.

States that nothing mends come last: the pair is shared, and states.json has them in that order.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bot import checks
from bot.checks import Output
from bot.incident import Verdict
from bot.ports import GaveUp
from bot.runbook import inventory as inventories
from bot.runbook.causes import judge
from bot.runbook.inventory import Inventory
from bot.runbook.result import Result
from bot.runbook.run import Runner
from bot.runbook.runbook import Runbook
from bot.runbook.schema import load
from tests.fake_servers import FolderReach, FolderServer, said
from tests.postgres_pair import Pair, pair

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "runbooks"
RECORDED = HERE.parent / "checks" / "recorded"
STATES: Mapping[str, Sequence[tuple[str, str | None]]] = json.loads((HERE / "states.json").read_text())
PASSWORD = "hunter22-canary"
Made = Callable[[Pair], AbstractAsyncContextManager[None]]


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with pair() as running:
        furnish(running)
        yield running


def furnish(running: Pair) -> None:
    """The account of the checks, and a table."""
    with psycopg.connect(running.dsn(running.primary), autocommit=True) as connection:
        connection.execute(f"create role monitor login password '{PASSWORD}'")
        connection.execute("grant pg_monitor to monitor")
        connection.execute("create table orders as select generate_series(1, 100) as number")


def at_replica(running: Pair, *statements: str) -> None:
    with psycopg.connect(running.dsn(running.replica), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def write(running: Pair) -> None:
    with psycopg.connect(running.dsn(running.primary), autocommit=True) as connection:
        connection.execute("update orders set number = number + 1")


@asynccontextmanager
async def follows(running: Pair) -> AsyncIterator[None]:
    write(running)
    await until(running, "select count(*) = 1 from pg_stat_wal_receiver where status = 'streaming'")
    await until(running, "select pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()")
    yield


@asynccontextmanager
async def paused(running: Pair) -> AsyncIterator[None]:
    at_replica(running, "select pg_wal_replay_pause()")
    write(running)
    await until(running, "select pg_get_wal_replay_pause_state() = 'paused'")
    yield
    at_replica(running, "select pg_wal_replay_resume()")


@asynccontextmanager
async def held(running: Pair, *, reader: str = "muster") -> AsyncIterator[None]:
    """A report reads old rows on the replica; the primary has removed them and says so. The report may be ended."""
    at_replica(running, "alter system set max_standby_streaming_delay = -1", "select pg_reload_conf()")
    own = f"{running.dsn(running.replica)} user={reader}"
    with suppress(psycopg.OperationalError), psycopg.connect(own) as report:
        report.execute("set transaction isolation level repeatable read")
        report.execute("select count(*) from orders")
        write(running)
        with psycopg.connect(running.dsn(running.primary), autocommit=True) as connection:
            connection.execute("vacuum orders")
        write(running)
        await until(running, "select count(*) = 1 from pg_stat_activity where wait_event like 'RecoveryConflict%'")
        await asyncio.sleep(0.3)  # longer than the lag that this test allows
        yield


@asynccontextmanager
async def following(running: Pair, conninfo: str) -> AsyncIterator[None]:
    """The replica is told to follow somebody else."""
    reload, off = "select pg_reload_conf()", "select count(*) = 0 from pg_stat_wal_receiver where status = 'streaming'"
    at_replica(running, f"alter system set primary_conninfo = '{conninfo}'", reload)
    await until(running, off)
    yield
    right = f"host={running.primary} port={running.port} user=muster"
    at_replica(running, f"alter system set primary_conninfo = '{right}'", reload)


def wrong_primary(running: Pair) -> AbstractAsyncContextManager[None]:
    return following(running, f"host={running.primary} port=1 user=muster password={PASSWORD}")


def wrong_account(running: Pair) -> AbstractAsyncContextManager[None]:
    return following(running, f"host={running.primary} port={running.port} user=nobody password={PASSWORD}")


@asynccontextmanager
async def down(running: Pair, name: str) -> AsyncIterator[None]:
    running.order(f"stop {name}")
    if name == "primary":
        await until(running, "select count(*) = 0 from pg_stat_wal_receiver where status = 'streaming'")
    yield
    running.order(f"start {name}")


@asynccontextmanager
async def promoted(running: Pair) -> AsyncIterator[None]:
    at_replica(running, "select pg_promote()")
    yield


MADE: Mapping[str, Made] = {
    "follows": follows,
    "paused": paused,
    "held by a query": held,
    "wrong primary": wrong_primary,
    "wrong account": wrong_account,
    "primary down": lambda running: down(running, "primary"),
    "replica down": lambda running: down(running, "replica"),
    "disk full and down": lambda running: down(running, "replica"),
    "disk full of wal on the primary": follows,
    "promoted": promoted,
}
FULL = {"disk full and down": "below: 90%", "disk full of wal on the primary": "below: 85%"}
"""The threshold that is set to what the disk of the test really has in use."""


async def until(running: Pair, question: str) -> None:
    """Ask the replica until it says yes."""
    with psycopg.connect(running.dsn(running.replica), autocommit=True) as connection:
        for _ in range(300):
            row = connection.execute(question).fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0.03)
    raise AssertionError(f"never so: {question}")


def inventory_of(running: Pair) -> Inventory:
    return inventories.load(
        f"""\
inventory: 1
groups:
  shop-db:
    {{service: shop-db, role: replica, port: {running.port}, primary: db-01, hosts: {{db-02: {running.replica}}}}}
  shop-db-primary: {{service: shop-db, role: primary, port: {running.port}, hosts: {{db-01: {running.primary}}}}}
""",
        "inventory.yaml",
    )


def runner_of(running: Pair, folder: Path) -> Runner:
    """Both servers: `df` and `psql` are the real ones, asked about this test's own places."""

    def df(argv: Sequence[str]) -> Output:
        return real(["df", *argv[1:3], "/tmp"])

    def psql(argv: Sequence[str]) -> Output:
        return real([f"{running.bin}/psql", "-h", running.replica, "-p", str(running.port), "-U", "muster", *argv[1:]])

    machines = {name: FolderServer(folder / name, {"df": df, "psql": psql}) for name in ("db-01", "db-02")}

    async def secret(reference: str) -> str:
        if reference != "secret:shop-db-monitor":
            raise GaveUp(f"nobody holds {reference}", reason="no-secret")
        return f"user=monitor password={PASSWORD} dbname=postgres"

    return Runner(FolderReach(servers=machines), inventory_of(running), secret=secret)


def real(argv: Sequence[str]) -> Output:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
    return said(ended.stdout, exit=ended.returncode, stderr=ended.stderr)


def shipped(name: str, *, full: str = "", patience: str = "5m") -> Runbook:
    """The runbook as it is shipped, but for the times that a test can wait for and the disk that it has."""
    text = (SHIPPED / f"{name}.yaml").read_text().replace("lag-below: 30s", "lag-below: 200ms")
    text = text.replace("interval '1 minute'", "interval '100 ms'").replace("within: 5m", f"within: {patience}")
    for limit in ("below: 90%", "below: 85%"):
        text = text.replace(limit, "below: 0%" if limit == full else "below: 100%")
    return load(text, f"{name}.yaml", checks.load())


async def proof(runner: Runner, runbook: Runbook) -> tuple[str | None, str, Sequence[Result]]:
    host = runner.inventory.groups["shop-db"].hosts["db-02"]
    results = (await runner.diagnose(runbook, host)).results
    verdicts = judge(runbook, host, results, group=runner.inventory.groups["shop-db"])
    first = next((verdict for verdict in verdicts if verdict.verdict is Verdict.PROVED), None)
    said = first.text if first else "\n".join(f"{r.check} {r.state} {r.reason} {r.summary}" for r in results)
    return (first.id if first else None), said, results


@pytest.mark.parametrize(("state", "cause"), STATES["a postgres replica"])
async def test_a_state_of_a_real_replica_gets_its_cause(
    servers: Pair, tmp_path: Path, state: str, cause: str | None
) -> None:
    runner, runbook = runner_of(servers, tmp_path), shipped("replica-lag", full=FULL.get(state, ""))
    async with MADE[state](servers):
        found, text, results = await proof(runner, runbook)
    assert found == cause, text
    assert PASSWORD not in f"{text} {results!r}"


@pytest.mark.full
@pytest.mark.parametrize(("state", "cause"), STATES["a postgres replica"])
async def test_a_state_of_a_real_replica_gets_its_cause_twenty_times_of_twenty(
    tmp_path: Path, state: str, cause: str | None
) -> None:
    once = state == "promoted"  # it follows nobody again
    with pair() as running:
        furnish(running)
        runner, runbook = runner_of(running, tmp_path), shipped("replica-lag", full=FULL.get(state, ""))
        for _ in range(1 if once else 20):
            async with follows(running):
                pass
            async with MADE[state](running):
                for _ in range(20 if once else 1):
                    found, text, _ = await proof(runner, runbook)
                    assert found == cause, text


async def recorded(folder: Path, state: str) -> tuple[str | None, str]:
    """What is proved by that which a real MariaDB 10.11 answered: no MySQL server comes as a wheel."""
    text = (RECORDED / f"mariadb-10.11-{state}.txt").read_text()
    programs = {"df": lambda _: said("a b 100 60 40 60% /\n"), "mysql": lambda _: said(text)}
    machines = {name: FolderServer(folder / name, dict(programs)) for name in ("db-01", "db-02")}
    source = await asyncio.start_server(lambda _, writer: writer.close(), "127.88.0.1", 0)
    known = inventories.load(
        """\
inventory: 1
groups:
  shop-db: {role: replica, port: 33061, primary: db-01, hosts: {db-02: 127.88.0.2}}
  shop-db-primary: {port: 33061, hosts: {db-01: 127.88.0.1}}
""",
        "inventory.yaml",
    )
    port = source.sockets[0].getsockname()[1]
    runbook = shipped("replica-lag-mysql")
    up = replace(runbook.checks["source-up"], words={"port": port})
    runbook = replace(runbook, checks={**runbook.checks, "source-up": up})
    found, text, _ = await proof(Runner(FolderReach(servers=machines), known), runbook)
    source.close()
    return found, text


@pytest.mark.parametrize(("state", "cause"), STATES["a recorded mariadb replica"])
async def test_a_recorded_state_of_a_mariadb_replica_gets_its_cause(
    tmp_path: Path, state: str, cause: str | None
) -> None:
    found, text = await recorded(tmp_path, state)
    assert found == cause, text


@pytest.mark.full
@pytest.mark.parametrize(("state", "cause"), STATES["a recorded mariadb replica"])
async def test_a_recorded_state_of_a_mariadb_replica_gets_its_cause_twenty_times_of_twenty(
    tmp_path: Path, state: str, cause: str | None
) -> None:
    for _ in range(20):
        found, text = await recorded(tmp_path, state)
        assert found == cause, text
