"""The actions of the shipped runbooks on real parts: offered, approved by button, alone in the group, verified.

Restoring a config is the story of the demo and of the kill tests; logrotate comes in no wheel, so what it does to a
log that a program goes on writing is done here.
"""

from __future__ import annotations

import gzip
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from bot import checks
from bot.checks import Output
from bot.incident import Repair, RepairState
from bot.lab.farm import Farm
from bot.policy import Policy
from bot.runbook.desk import Desk
from bot.runbook.inventory import Inventory
from bot.runbook.repair import Repairs
from bot.runbook.run import Runner
from bot.runbook.runbook import Runbook
from bot.runbook.schema import load
from bot.settings import Home, read_home
from bot.store import Store
from tests.fake_servers import NOW, FolderReach, FolderServer, said
from tests.postgres_pair import Pair, pair
from tests.runbook.test_disk_full import FILE as DISK_FULL
from tests.runbook.test_disk_full import INVENTORY, UNIT
from tests.runbook.test_replica_lag import at_replica, furnish, held, paused, real, runner_of, shipped, until
from tests.story import Story, story

APPROVERS = ("@oncall-web",)
TESTED_HERE = {"start-nginx", "start-postgres", "resume-replay", "end-sessions", "rotate-logs"}
TESTED_ELSEWHERE = {"restore-config"}


@dataclass
class Scene:
    """A story with a real desk, and a third person who may approve."""

    told: Story
    store: Store
    cleo: str

    @property
    def repair(self) -> Repair:
        return self.told.repair

    async def offered(self, host: str, runbook: str, action: str) -> None:
        """Ana asks for the checks, and what they prove is offered this repair."""
        by = {"id": self.told.ana, "name": "ana"}
        self.told.due("asked", "check", host=host, runbook=runbook, by=by)
        await self.told.settle()
        offers = [(repair.name, repair.state) for repair in self.told.incident.repairs]
        assert offers == [(action, RepairState.OFFERED)], self.told.incident.entries[-1].text

    async def click(self, who: str) -> Repair:
        self.told.click(who, key=f"click/{who}", plan=self.repair.plan)
        await self.told.settle()
        return self.repair


@asynccontextmanager
async def scene(home: Home, runner: Runner | None, url: str, *, now: datetime = NOW) -> AsyncIterator[Scene]:
    """An incident about which nothing was asked yet. Without a runner the servers are reached as in production."""
    store = Store.open(url)
    desk = Desk(home, store, now=lambda: datetime.now(UTC) if now is not NOW else told.now)
    if runner:
        desk._made = runner, Repairs(runner, poll=0.05)
    async with story(store, home.folder / "postmortems", real=desk) as told:
        told.now = now
        cleo = told.chat.add_person("cleo")
        told.chat.groups["oncall-web"] |= {cleo}
        told.alert("open")
        await told.settle()
        yield Scene(told=told, store=store, cleo=cleo)
    store.close()


def home_of(folder: Path, inventory: Inventory, runbook: Runbook) -> Home:
    return Home(folder=folder, inventory=inventory, runbooks=(runbook,), policy=Policy(approvers=APPROVERS))


def test_every_action_that_is_shipped_is_carried_out_in_a_test() -> None:
    folder = DISK_FULL.parent
    books = [load(file.read_text(), file.name, checks.load()) for file in sorted(folder.glob("*.yaml"))]
    assert {name for book in books for name in book.actions} == TESTED_HERE | TESTED_ELSEWHERE


# ------------------------------------------------------------------ nginx


@pytest.mark.timeout(120)
async def test_nginx_is_started_on_a_real_server_and_served_to_again(tmp_path: Path, sqlite_url: str) -> None:
    async with await Farm.start(tmp_path / "farm", servers=2) as farm:
        folder = farm.write_home(tmp_path / "home", approvers=APPROVERS)
        shutil.copy(DISK_FULL.parent / "web-out-of-rotation.yaml", folder)
        await farm.stop_nginx("web-02")
        await farm.served_by(6)
        async with scene(read_home(folder), None, sqlite_url, now=datetime.now(UTC)) as at:
            await at.offered("web-02", "web-out-of-rotation", "start-nginx")
            assert (await farm.look("web-02"))["pid"] == 0
            ended = await at.click(at.told.ben)
        assert ended.state is RepairState.VERIFIED, ended.text
        assert set(await farm.served_by(6)) == {"web-01", "web-02"}


# ------------------------------------------------------------------ Postgres


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    """A pair whose repairs are done by an account that may do no more than they need."""
    with pair() as running:
        furnish(running)
        with psycopg.connect(running.dsn(running.primary), autocommit=True) as connection:
            connection.execute("create role hands login in role pg_monitor, pg_signal_backend")
            for function in ("pg_wal_replay_resume()", "pg_wal_replay_pause()"):
                connection.execute(f"grant execute on function {function} to hands".encode())
            connection.execute("create role reader login in role pg_read_all_data")
        until_there = "select count(*) = 1 from pg_roles where rolname = 'reader'"
        with psycopg.connect(running.dsn(running.replica), autocommit=True) as connection:
            while not (connection.execute(until_there).fetchone() or (False,))[0]:
                pass
        yield running


@dataclass
class Database:
    """The replica as a server whose programs are the real ones."""

    running: Pair
    folder: Path

    def __post_init__(self) -> None:
        self.runner = runner_of(self.running, self.folder)
        assert isinstance(self.runner.reach, FolderReach)
        self.server = self.runner.reach.servers["db-02"]
        self.server.programs |= {"psql": self.psql, "systemctl": self.systemctl}
        self.after_resume: Callable[[], None] = lambda: None
        self.alone: list[bool] = []
        self.store: Store | None = None

    def psql(self, argv: Sequence[str]) -> Output:
        place = ("-h", self.running.replica, "-p", str(self.running.port), "-U", "hands")
        answer = real([f"{self.running.bin}/psql", *place, *argv[1:]])
        if any("terminate" in word or "resume" in word for word in argv):
            self._acted()
        if any("resume" in word for word in argv):
            self.after_resume()
        return answer

    def systemctl(self, argv: Sequence[str]) -> Output:
        if argv[1] == "status":
            return said("postgresql.service: inactive (dead)\n", exit=3)
        self.running.order("start replica")
        self._acted()
        return said()

    def _acted(self) -> None:
        self.alone += [self.store.alive("repair/shop-db")] if self.store else []

    def home(self, *, patience: str = "5m") -> Home:
        return home_of(self.folder, self.runner.inventory, shipped("replica-lag", patience=patience))

    def asked(self, question: str) -> object:
        with psycopg.connect(self.running.dsn(self.running.replica), autocommit=True) as connection:
            return (connection.execute(question.encode()).fetchone() or (None,))[0]


@pytest.fixture
def database(servers: Pair, tmp_path: Path) -> Database:
    return Database(servers, tmp_path)


async def test_replay_is_resumed(database: Database, sqlite_url: str) -> None:
    async with paused(database.running), scene(database.home(), database.runner, sqlite_url) as at:
        database.store = at.store
        await at.offered("db-02", "replica-lag", "resume-replay")
        assert database.asked("select pg_is_wal_replay_paused()") is True, "a preview does nothing"
        ended = await at.click(at.told.ben)
        assert ended.state is RepairState.VERIFIED, ended.text
        assert database.alone == [True]
        assert not at.store.alive("repair/shop-db")


async def test_replay_is_paused_again_where_resuming_it_did_not_help(database: Database, sqlite_url: str) -> None:
    running = database.running
    reload = "select pg_reload_conf()"

    def lose_the_primary() -> None:
        at_replica(running, f"alter system set primary_conninfo = 'host={running.primary} port=1'", reload)

    database.after_resume = lose_the_primary
    async with paused(running), scene(database.home(patience="1s"), database.runner, sqlite_url) as at:
        await at.offered("db-02", "replica-lag", "resume-replay")
        ended = await at.click(at.told.ben)
        assert ended.state is RepairState.PUT_BACK, ended.text
        assert database.asked("select pg_is_wal_replay_paused()") is True
    right = f"host={running.primary} port={running.port} user=muster"
    at_replica(running, f"alter system set primary_conninfo = '{right}'", reload)
    await until(running, "select count(*) = 1 from pg_stat_wal_receiver where status = 'streaming'")


async def test_sessions_that_hold_replay_back_are_ended_by_two_others_than_who_asked(
    database: Database, sqlite_url: str
) -> None:
    async with held(database.running, reader="reader"), scene(database.home(), database.runner, sqlite_url) as at:
        database.store = at.store
        await at.offered("db-02", "replica-lag", "end-sessions")
        reading = "select count(*) from pg_stat_activity where usename = 'reader'"
        for who in (at.told.ana, at.told.ben):
            assert (await at.click(who)).state is RepairState.OFFERED
            assert database.asked(reading) == 1
        ended = await at.click(at.cleo)
        assert [person.id for person in ended.approved_by] == [at.told.ben, at.cleo]
        assert ended.state is RepairState.VERIFIED, ended.text
        assert (database.asked(reading), database.alone) == (0, [True])


async def test_postgres_is_started(database: Database, sqlite_url: str) -> None:
    database.running.order("stop replica")
    async with scene(database.home(), database.runner, sqlite_url) as at:
        database.store = at.store
        await at.offered("db-02", "replica-lag", "start-postgres")
        ended = await at.click(at.told.ben)
    assert ended.state is RepairState.VERIFIED, ended.text
    assert database.alone == [True]
    assert database.asked("select pg_is_in_recovery()") is True


# ------------------------------------------------------------------ logs

WRITES = """
import signal, sys, time
def open_it(*_):
    global log
    log = open(sys.argv[1], "ab", buffering=0)
open_it()
signal.signal(signal.SIGHUP, open_it)
log.write(b"2026-11-22 10:30:00 GET /cart 200\\n" * 180_000)
print("full", flush=True)
for _ in range(2_000):
    log.write(b"2026-11-22 10:30:01 GET /cart 200\\n")
    time.sleep(0.02)
"""


@contextmanager
def growing(log: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that has written six megabytes into its log, and goes on; it opens it again on SIGHUP."""
    log.parent.mkdir(parents=True, exist_ok=True)
    program = subprocess.Popen([sys.executable, "-c", WRITES, str(log)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "full\n"
    try:
        yield program
    finally:
        program.kill()
        program.wait(10)
        program.stdout.close()


@dataclass
class SmallDisk:
    """A server whose disk holds 6.5 MB, of which so much is used as its files take."""

    root: Path

    def __post_init__(self) -> None:
        self.server = FolderServer(self.root, {"df": self.df, "du": self.du, "find": lambda _: said()})
        self.server.put("/var/log/shop/app.log", b"")

    def df(self, argv: Sequence[str]) -> Output:
        used = int(real(["du", "-sk", str(self.root)]).stdout.split()[0])
        size = 6_500 if "-k" in argv else 100_000
        return said(
            f"Filesystem Size Used Free Use% On\n/dev/a {size} {used} {size - used} {100 * used // size}% /var\n"
        )

    def du(self, argv: Sequence[str]) -> Output:
        answer = real([*argv[:-1], f"{self.root}{argv[-1]}"])
        return said(answer.stdout.replace(str(self.root), ""), exit=answer.exit, stderr=answer.stderr)


async def test_logs_are_rotated_and_the_program_that_writes_them_goes_on(tmp_path: Path, sqlite_url: str) -> None:
    disks = {name: SmallDisk(tmp_path / name) for name in ("web-01", "web-02")}
    log = tmp_path / "web-02/var/log/shop/app.log"
    book = load(DISK_FULL.read_text().replace("megabytes: 500", "megabytes: 2"), DISK_FULL.name, checks.load())
    with growing(log) as program:

        def systemctl(argv: Sequence[str]) -> Output:
            if tuple(argv[1:]) == ("start", "logrotate.service"):
                rotated = log.rename(log.with_suffix(".log.1"))
                program.send_signal(signal.SIGHUP)
                rotated.with_suffix(".1.gz").write_bytes(gzip.compress(rotated.read_bytes()))
                rotated.unlink()
                return said()
            return said(UNIT.format("active"))

        programs = {"systemctl": systemctl, "logrotate": lambda _: said("considering log /var/log/shop/app.log\n")}
        disks["web-02"].server.programs |= programs
        disks["web-01"].server.programs |= programs
        runner = Runner(FolderReach(servers={name: disk.server for name, disk in disks.items()}), INVENTORY)
        async with scene(home_of(tmp_path, INVENTORY, book), runner, sqlite_url) as at:
            await at.offered("web-02", "disk-full", "rotate-logs")
            assert log.stat().st_size > 6_000_000
            ended = await at.click(at.told.ben)
        assert ended.state is RepairState.VERIFIED, ended.text
        assert gzip.decompress(log.with_suffix(".log.1.gz").read_bytes()).count(b"\n") >= 180_000
        assert program.poll() is None
