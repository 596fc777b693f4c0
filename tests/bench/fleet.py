"""Ten questions to each of fifty hosts, every answer delayed: what is added to the hosts' own time."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import asyncssh

from bot import checks
from bot.hosts import CIPHERS, Ssh
from bot.runbook import schema
from bot.runbook.inventory import Host, Inventory
from bot.runbook.result import State
from bot.runbook.run import Runner
from tests.bench.figures import Bench, Figure, Wanted, middle
from tests.bench.fleet_server import Fleet, fleet

TITLE = "Ten checks on each of fifty hosts"
DELAY, QUESTIONS, HANDSHAKES = 0.2, 10, 20
SLOTS = 8  # programs at once on one connection
RUNBOOK = """\
runbook: 1
name: fleet
title: Many hosts
owner: team-web
checks:
"""


async def measure(bench: Bench) -> Sequence[Figure]:
    """Seconds of a whole run, beside the least that handshakes in waves and the slowest host can take."""
    checks.load()
    count, times = (6, 1) if bench.quick else (50, 3)
    async with fleet(bench.place("fleet"), hosts=count, delay=DELAY) as hosts:
        took, most = await _ask(hosts, times)
        floor = await _floor(hosts, times)
        plain = await _plain(hosts)
    said = f"{count} hosts, at most {most} handshakes at once"
    figures = [
        Figure(
            name="whole run, median",
            value=middle(took),
            unit="s",
            rival="handshakes in waves, then the slowest host, by the library alone",
            rival_value=floor,
            wanted=Wanted(issue=5, at_most=1.2),
            note=said,
        ),
        Figure(
            name="handshakes at once",
            value=most,
            unit="",
            rival="the limit",
            rival_value=HANDSHAKES,
            wanted=Wanted(issue=5, at_most=1.0),
        ),
    ]
    if plain:
        rival = "ssh for each question, hosts at once"
        figures.append(Figure(name="whole run, median", value=middle(took), unit="s", rival=rival, rival_value=plain))
    return figures


async def _ask(hosts: Fleet, times: int) -> tuple[Sequence[float], int]:
    lines = [f"  unit-{n}: {{at: group, unit: {{name: service-{n}}}}}\n" for n in range(QUESTIONS)]
    runbook = schema.load(RUNBOOK + "".join(lines), "fleet.yaml", checks.NOUNS)
    first = next(iter(hosts.inventory.groups["web"].hosts.values()))
    took, most = [], 0
    runner = Runner(_ssh(hosts), hosts.inventory)  # one for all, as in the bot: what it learned of a host is kept
    await runner.diagnose(runbook, first)
    for _ in range(times):
        started = time.perf_counter()
        found = await runner.diagnose(runbook, first)
        took.append(time.perf_counter() - started)
        assert all(result.state is State.OK for result in found.results), found.results
        most = max(most, await hosts.most_handshakes())
    return took, most


async def _floor(hosts: Fleet, times: int) -> float:
    """Waves of handshakes, each as long as one takes alone, then the slowest host, asked by the library alone."""
    took = []
    for _ in range(times):
        async with AsyncExitStack() as stack:
            named, started, wave = list(hosts.inventory.groups["web"].hosts.values()), time.perf_counter(), 0.0
            open_ones: list[asyncssh.SSHClientConnection] = []
            for first in range(0, len(named), HANDSHAKES):
                some = named[first : first + HANDSHAKES]
                open_ones += await asyncio.gather(*(stack.enter_async_context(_log_in(host, hosts)) for host in some))
                wave = wave or time.perf_counter() - started
            slowest = max(await asyncio.gather(*map(_questions, open_ones)))
            took.append(math.ceil(len(named) / HANDSHAKES) * wave + slowest)
    return middle(took)


def _log_in(host: Host, hosts: Fleet) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
    access = hosts.inventory.ssh
    connecting: AbstractAsyncContextManager[asyncssh.SSHClientConnection] = asyncssh.connect(
        host.address,
        port=host.ssh_port,
        username=access.user,
        client_keys=[access.key],
        known_hosts=access.known_hosts,
        config=None,
        agent_path=None,
        encryption_algs=CIPHERS,
    )
    return connecting


async def _questions(connection: asyncssh.SSHClientConnection) -> float:
    """Seconds until one host has answered all."""
    started, slots = time.perf_counter(), asyncio.Semaphore(SLOTS)

    async def one(n: int) -> None:
        async with slots:
            await connection.run(f"systemctl show service-{n}")

    await asyncio.gather(*map(one, range(QUESTIONS)))
    return time.perf_counter() - started


def _ssh(hosts: Fleet) -> Ssh:
    access = hosts.inventory.ssh
    return Ssh(access, known_hosts=Path(access.known_hosts), handshakes=HANDSHAKES)


async def _plain(hosts: Fleet) -> float:
    """Seconds for a shell loop over the same questions, a loop a host; 0 where the machine has no ssh."""
    program = shutil.which("ssh")
    if program is None:
        return 0.0
    started = time.perf_counter()
    named = hosts.inventory.groups["web"].hosts.values()
    await asyncio.gather(*(_loop(program, host, hosts.inventory) for host in named))
    return time.perf_counter() - started


async def _loop(program: str, host: Host, inventory: Inventory) -> None:
    options = ["-F", os.devnull, "-i", inventory.ssh.key, "-p", str(host.ssh_port), "-l", "muster"]
    options += ["-o", f"UserKnownHostsFile={inventory.ssh.known_hosts}", "-o", "BatchMode=yes", host.address]
    for n in range(QUESTIONS):
        quiet = asyncio.subprocess.DEVNULL
        argv = [program, *options, f"systemctl show service-{n}"]
        process = await asyncio.create_subprocess_exec(*argv, stdin=quiet, stdout=quiet, stderr=quiet)
        await process.wait()
