"""The gate before production: the checks of the runbooks, asked of a candidate configuration.

    static:  the files of the candidate beside those of its peers and the balancer
    boot:    the candidate itself at work, on its own address and port, in an empty network

What can only be asked in production is *unknown*, never *ok*.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bot.checks import NOUNS, Output
from bot.journal import from_json
from bot.ports import GaveUp
from bot.runbook.boot import INSIDE, UNPRIVILEGED, Boot, Place, clear, find_nginx
from bot.runbook.candidate import Candidates, Run, candidate
from bot.runbook.inventory import Host, Inventory
from bot.runbook.reach import Reach
from bot.runbook.result import Result, State
from bot.runbook.run import Runner
from bot.runbook.runbook import At, Check, Runbook
from bot.runbook.select import covers_group

PROBES = frozenset({"tcp", "http", "tls"})
"""What is asked of a candidate that is at work."""
BEHIND = frozenset({502, 503, 504})
"""What nginx answers when the application behind it is away, as here it always is."""
LIMIT = 60.0
"""Seconds for one stage."""


@dataclass(frozen=True, kw_only=True)
class Booted:
    """What the second stage found, and what was put in place of things that stay on the server."""

    results: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """The answers about the candidate, those about others that were compared with it, and notes."""

    host: str
    results: tuple[Result, ...]
    others: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()

    def passed(self, *, strict: bool) -> bool:
        """Whether nothing fails and something was answered; strictly: whether nothing is unknown either."""
        states = {result.state for result in self.results}
        stopped = {State.FAIL, State.UNKNOWN} if strict else {State.FAIL}
        return bool(states & {State.OK, State.WARN}) and not states & stopped


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The candidate of one host: its folder, its peers' folders (None: over SSH), and what is asked."""

    host: Host
    folder: Path
    inventory: Inventory
    runbooks: tuple[Runbook, ...]
    now: Callable[[], datetime]
    peers: Path | None = None
    servers: Reach | None = None

    def asked(self) -> list[tuple[Runbook, list[Check]]]:
        """The checks marked `preflight` of the runbooks that can concern this host."""
        group = self.inventory.group_of(self.host)
        fitting = [r for r in self.runbooks if any(covers_group(when, group) for when in r.when)]
        found = [(r, [c for c in r.checks.values() if c.preflight]) for r in fitting]
        return [(runbook, checks) for runbook, checks in found if checks]

    @property
    def paths(self) -> tuple[str, ...]:
        """Which parts of the folder are the candidate."""
        return self.inventory.group_of(self.host).config_paths

    async def static(self) -> list[Result]:
        """What the files say."""
        return await self._ask(self._candidates(), lambda check: not _at_work(check))

    async def boot(self, root: Path) -> Booted:
        """What the candidate does when it is at work; only within the namespaces of `inside`."""
        nginx = find_nginx()
        if nginx is None:
            return self.not_asked("there is no nginx on this machine: install nginx, or muster[demo]")
        group = self.inventory.group_of(self.host)
        place = Place(folder=self.folder, repo=group.config_repo or "/etc", paths=group.config_paths)
        boot = Boot(place, root=root, nginx=nginx, address=self.host.address)
        try:
            lacking = await boot.start()
        except GaveUp as problem:
            lacking = str(problem)
        if lacking:
            return self.not_asked(lacking)
        results = await self._ask(self._candidates(boot.test), _at_work)
        return Booted(results=tuple(map(_alone, results)), notes=tuple(boot.notes))

    def not_asked(self, why: str) -> Booted:
        """All questions of the second stage, unanswered."""
        checks = [check for _, checks in self.asked() for check in checks if _at_work(check)]
        return Booted(results=tuple(self._unknown(check.name, why) for check in checks))

    def _unknown(self, check: str, why: str) -> Result:
        return Result(
            check=check, host=self.host.name, state=State.UNKNOWN, reason="no-access", summary=why, at=self.now()
        )

    def _candidates(self, run: Run | None = None) -> Candidates:
        folders = candidate(self.host, self.folder, self.inventory, run=run)
        return Candidates(inventory=self.inventory, folders=folders, peers=self.peers, servers=self.servers)

    async def _ask(self, reach: Reach, wanted: Callable[[Check], bool]) -> list[Result]:
        runner = Runner(reach, self.inventory, clock=self.now)
        found: list[Result] = []
        for runbook, checks in self.asked():
            only = {check.name for check in checks if wanted(check)}
            answered = await runner.diagnose(runbook, self.host, only=only, limit=LIMIT)
            found += answered.results
        return found

    def report(self, static: Sequence[Result], booted: Booted) -> Report:
        """Both stages together: what is said of the candidate decides, what is said of others is told beside it."""
        results = [*static, *booted.results]
        return Report(
            host=self.host.name,
            results=tuple(r for r in results if r.host == self.host.name),
            others=tuple(r for r in results if r.host != self.host.name),
            notes=booted.notes,
        )


async def booted(gate: Gate, again: Sequence[str]) -> Booted:
    """The second stage, in namespaces of its own. `again`: the words of the command that does it there."""
    root = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="muster-boot-"))
    try:
        enter = [*INSIDE, *(() if os.geteuid() == 0 else UNPRIVILEGED)]
        said = await _run([*enter, sys.executable, "-m", "bot", *again, "--inside", str(root)])
    finally:
        await asyncio.to_thread(clear, root)
    if said.exit:
        last = (said.stderr.strip().splitlines() or [f"exit {said.exit}"])[-1]
        return gate.not_asked(f"this machine gives a process no network of its own: {last[:200]}")
    return from_json(Booted, json.loads(said.stdout))


async def _run(argv: Sequence[str]) -> Output:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        return Output(exit=127, stdout="", stderr=str(error))
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return Output(exit=124, stdout="", stderr=f"it did not end within {LIMIT:g} s")
    return Output(
        exit=process.returncode or 0, stdout=out.decode("utf-8", "replace"), stderr=err.decode("utf-8", "replace")
    )


def _at_work(check: Check) -> bool:
    """Whether only a candidate at work can answer this."""
    noun = NOUNS[check.noun]
    probes = check.noun in PROBES and check.at in (At.AFFECTED, At.GROUP)
    return probes or noun.touching(check.words)


def _alone(result: Result) -> Result:
    """nginx complains that nothing stands behind it: that says nothing about the candidate."""
    if result.state is State.FAIL and result.facts.get("status") in BEHIND:
        why = f"{result.summary}: the application behind nginx is not here"
        return replace(result, state=State.UNKNOWN, reason="no-access", summary=why)
    return result
