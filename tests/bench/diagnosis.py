"""A whole diagnosis of three real hosts, beside the same questions by plain `ssh`, one process a question."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import testinfra

from bot.checks import FileStat, Output
from bot.hosts import Ssh
from bot.incident import Verdict
from bot.lab.farm import Farm
from bot.runbook.causes import judge
from bot.runbook.inventory import Host, Inventory
from bot.runbook.reach import Connected, Reach, WritableSession
from bot.runbook.run import Runner
from bot.runbook.runbook import Runbook
from bot.settings import read_home
from tests.bench.figures import Bench, Figure, Wanted, middle, percentile

TITLE = "Diagnosing three hosts over SSH"
RUNBOOK = Path(__file__).parents[2] / "runbooks" / "web-out-of-rotation.yaml"
Questions = dict[str, list[Sequence[str]]]


async def measure(bench: Bench) -> Sequence[Figure]:
    """Median and p95 of many runs on a broken farm, and the same by plain ssh where there is one."""
    times = bench.times(20, quick=2, full=100)
    folder = bench.place("diagnosis")
    async with await Farm.start(folder / "farm", servers=2, seed=1) as farm:
        home = farm.write_home(folder / "home")
        shutil.copy(RUNBOOK, home)
        broken = farm.webs[-1]
        await farm.move_port(broken.name, broken.port + 7)
        await farm.served_by(6)
        place = _Place.of(home, broken.name)
        took, proved = await place.diagnose(times)
        asked = await place.questions()
        floor = await place.log_in(asked, max(times // 2, 2))
        plain = await _plain(asked, place.hosts, home, min(times, 3))
        infra = await _by_testinfra(asked, place.hosts, home, min(times, 3))
    note = f"{proved} of {times} proved the cause; {sum(map(len, asked.values()))} questions to {len(asked)} hosts"
    return _figures(took, floor, plain, infra, note)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The farm as the bot knows it: by its files."""

    inventory: Inventory
    runbook: Runbook
    host: Host
    ssh: Ssh

    @staticmethod
    def of(home: Path, broken: str) -> _Place:
        read = read_home(home)
        host = read.inventory.find(broken)
        assert host is not None
        access = read.inventory.ssh
        ssh = Ssh(access, known_hosts=home / access.known_hosts)
        return _Place(inventory=read.inventory, runbook=read.runbooks[0], host=host, ssh=ssh)

    @property
    def hosts(self) -> Sequence[Host]:
        return [host for group in self.inventory.groups.values() for host in group.hosts.values()]

    async def diagnose(self, times: int) -> tuple[Sequence[float], int]:
        """Seconds of each run, and how many proved a cause."""
        runner, took, proved = Runner(self.ssh, self.inventory), [], 0
        group = self.inventory.group_of(self.host)
        for _ in range(times):
            started = time.perf_counter()
            diagnosis = await runner.diagnose(self.runbook, self.host)
            verdicts = judge(self.runbook, self.host, diagnosis.results, group=group)
            took.append(time.perf_counter() - started)
            proved += any(verdict.verdict is Verdict.PROVED for verdict in verdicts)
        return took, proved

    async def questions(self) -> Questions:
        """What a run asks each host."""
        recording = Recording(self.ssh)
        await Runner(recording, self.inventory).diagnose(self.runbook, self.host)
        return recording.asked

    async def log_in(self, asked: Questions, times: int) -> Sequence[float]:
        """Seconds to log in to the same hosts at once with the same library, and to run one program on each."""
        took = []
        for _ in range(times):
            started = time.perf_counter()
            async with self.ssh.connections() as run:
                sessions = await asyncio.gather(*(run.session(host) for host in self.hosts if host.name in asked))
                await asyncio.gather(*(session.run(["git", "--version"]) for session in sessions))
            took.append(time.perf_counter() - started)
        return took


def _figures(
    took: Sequence[float], floor: Sequence[float], plain: Sequence[float], infra: Sequence[float], note: str
) -> Sequence[Figure]:
    rival, calls = "log in to all, ask one thing", middle(floor)
    figures = [
        Figure(
            name="whole diagnosis, median",
            value=middle(took),
            unit="s",
            rival=rival,
            rival_value=calls,
            wanted=Wanted(issue=5, at_most=0.3, of="value"),
            note=note,
        ),
        Figure(
            name=f"whole diagnosis, p95 of {len(took)}",
            value=percentile(took, 0.95),
            unit="s",
            rival=rival,
            rival_value=calls,
        ),
    ]
    if infra:
        rival = "pytest-testinfra over ssh, hosts at once"
        figures.append(
            Figure(name="whole diagnosis, median", value=middle(took), unit="s", rival=rival, rival_value=middle(infra))
        )
    else:
        figures[0] = replace(figures[0], note=f"{note}; not beside ssh and pytest-testinfra: no ssh client here")
    if plain:
        figures.append(
            Figure(
                name="whole diagnosis, median",
                value=middle(took),
                unit="s",
                rival="ssh for each question, hosts at once",
                rival_value=middle(plain),
            )
        )
    return figures


# ------------------------------------------------------------------ the questions, written down


@dataclass
class Recording:
    """Reaches servers as the other one does, and writes down what it is asked, as command lines."""

    reach: Reach
    asked: Questions = field(default_factory=dict)

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[Connected]:
        """The connections of one run."""
        async with self.reach.connections() as connected:
            yield _Connected(connected, self.asked)


@dataclass
class _Connected:
    connected: Connected
    asked: Questions

    async def session(self, host: Host) -> WritableSession:
        return _Session(await self.connected.session(host), self.asked.setdefault(host.name, []))


@dataclass
class _Session:
    session: WritableSession
    asked: list[Sequence[str]]

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:
        self.asked.append(tuple(argv))
        return await self.session.run(argv, within=within)

    async def read(self, path: str) -> bytes:
        self.asked.append(("cat", path))
        return await self.session.read(path)

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        self.asked.append(("tail", "-c", str(limit), path))
        return await self.session.tail(path, limit=limit)

    async def stat(self, path: str) -> FileStat:
        self.asked.append(("stat", path))
        return await self.session.stat(path)

    async def names(self, folder: str) -> Sequence[str]:
        self.asked.append(("ls", folder))
        return await self.session.names(folder)

    async def replace(self, path: str, data: bytes, *, like: FileStat, sudo: bool = False) -> None:
        await self.session.replace(path, data, like=like, sudo=sudo)

    async def remove(self, path: str, *, sudo: bool = False) -> None:
        await self.session.remove(path, sudo=sudo)


async def _plain(asked: Questions, hosts: Sequence[Host], home: Path, times: int) -> Sequence[float]:
    """Seconds for a shell loop over the same questions, a loop a host; nothing where the machine has no ssh."""
    program = shutil.which("ssh")
    if program is None:
        return []
    took = []
    for _ in range(times):
        started = time.perf_counter()
        await asyncio.gather(*(_ask_all([program, *_options(host, home)], asked.get(host.name, [])) for host in hosts))
        took.append(time.perf_counter() - started)
    return took


async def _by_testinfra(asked: Questions, hosts: Sequence[Host], home: Path, times: int) -> Sequence[float]:
    """Seconds for the same by its SSH backend, with one connection a host for all questions; nothing without ssh."""
    if shutil.which("ssh") is None:
        return []

    def ask(host: Host, run: int) -> None:
        config = home / f"ssh_config-{run}-{host.name}"
        known = f"UserKnownHostsFile {home / 'known_hosts'}\nBatchMode yes\nConnectTimeout 5\n"
        config.write_text(f"{known}ControlPath {home}/{run}-%h\n")
        remote = testinfra.get_host(
            f"ssh://muster@{host.address}:{host.ssh_port}",
            ssh_config=os.fspath(config),
            ssh_identity_file=os.fspath(home / "ssh-key"),
            controlpersist=2,  # seconds that the connection outlives the last question
        )
        for argv in asked.get(host.name, []):
            remote.run(shlex.join(argv))

    took = []
    for run in range(times):
        started = time.perf_counter()
        await asyncio.gather(*(asyncio.to_thread(ask, host, run) for host in hosts))
        took.append(time.perf_counter() - started)
    return took


def _options(host: Host, home: Path) -> Sequence[str]:
    known = f"UserKnownHostsFile={home / 'known_hosts'}"
    options = ["-F", os.devnull, "-i", os.fspath(home / "ssh-key"), "-p", str(host.ssh_port), "-l", "muster"]
    return [*options, *("-o", known), *("-o", "BatchMode=yes"), *("-o", "ConnectTimeout=5"), host.address]


async def _ask_all(ssh: Sequence[str], questions: Sequence[Sequence[str]]) -> None:
    for argv in questions:
        process = await asyncio.create_subprocess_exec(
            *ssh,
            shlex.join(argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        if process.returncode == 255:
            raise RuntimeError(f"ssh could not ask {shlex.join(argv)}: {said.decode(errors='replace')[-300:]}")
