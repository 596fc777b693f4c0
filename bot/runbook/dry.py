"""What a runbook would ask, without asking it: exact targets, words and commands.

Nouns that work over SSH are asked with a session that only writes down; it answers every program with nothing and
has no file, so what depends on an answer is not shown.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime

from bot.checks import FileStat, Output
from bot.ports import GaveUp, Metrics
from bot.runbook.inventory import Group, Host, Inventory
from bot.runbook.placeholders import values_of
from bot.runbook.reach import Connected
from bot.runbook.result import Known
from bot.runbook.run import Question, Runner
from bot.runbook.runbook import Runbook
from bot.runbook.words import bind


class Nobody:
    """Reaches no server."""

    def connections(self) -> AbstractAsyncContextManager[Connected]:
        """Never."""
        raise GaveUp("A dry run asks nobody.", reason="dry")


async def lines(runbook: Runbook, host: Host, inventory: Inventory, *, now: Callable[[], datetime]) -> list[str]:
    """A line for each check and host, and below it what runs there."""
    runner = Runner(Nobody(), inventory)
    found: list[str] = []
    for check in runbook.checks.values():
        questions = runner.questions(check, host)
        if not questions:
            found.append(f"{check.name}: skipped, the inventory names no {check.at} of {host.name}")
        for question in sorted(questions, key=lambda q: q.touches):
            found += await _lines(question, _Dry(question, host, inventory, now))
    return found


async def _lines(question: Question, target: _Dry) -> list[str]:
    check, host = question.check, question.host
    try:
        words = bind(check.words, question.noun, values_of(host, target.group))
    except GaveUp as missing:
        return [f"{check.name}: {check.noun} on {host.name} cannot be asked: {missing}"]
    over_ssh = question.noun.over_ssh  # the others may reach out by themselves, so here they are not asked
    way = f"{host.address} from here"
    if over_ssh:
        way = f"{target.inventory.ssh.user}@{host.address}:{host.ssh_port} by SSH"
    said = " ".join(f"{word.rstrip('_').replace('_', '-')}={_shown(value)}" for word, value in words.items())
    touches = ", touches the server" if question.touches else ""
    line = (
        f"{check.name}: {check.noun} {said}".rstrip() + f" on {host.name} ({way}, within {check.timeout:g} s{touches})"
    )
    if over_ssh:
        with contextlib.suppress(Exception):  # a noun may stumble over answers that are nothing; its questions count
            await question.noun.ask(target, **words)
    return [line, *(f"  {asked}" for asked in target.asked)]


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@dataclass
class _Dry:
    """A target that writes down what it is asked for."""

    question: Question
    affected: Host
    inventory: Inventory
    now: Callable[[], datetime]
    asked: list[str] = field(default_factory=list)
    repaired_at: datetime | None = None

    @property
    def host(self) -> Host:
        return self.question.host

    @property
    def group(self) -> Group:
        return self.inventory.group_of(self.host)

    @property
    def within(self) -> float:
        return self.question.check.timeout

    @property
    def metrics(self) -> Metrics:
        raise GaveUp("A dry run asks nobody.", reason="dry")

    async def session(self, host: Host | None = None) -> _Pen:
        where = host or self.host
        return _Pen(self.asked, "" if where == self.host else f"{where.name}: ")

    async def known_good(self, host: Host) -> Known | None:  # noqa: ARG002 - part of Target
        return None

    async def secret(self, reference: str) -> str:
        raise GaveUp(f"A dry run does not open {reference}.", reason="dry")


@dataclass(frozen=True)
class _Pen:
    """A session that writes down what would be asked on this host."""

    asked: list[str]
    where: str

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:  # noqa: ARG002 - part of Session
        self._note(f"run {shlex.join(argv)}")
        return Output(exit=0, stdout="", stderr="")

    async def read(self, path: str) -> bytes:
        self._note(f"read {path}")
        raise FileNotFoundError(path)

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        self._note(f"read the last {limit} bytes of {path}")
        raise FileNotFoundError(path)

    async def stat(self, path: str) -> FileStat:
        self._note(f"stat {path}")
        raise FileNotFoundError(path)

    async def names(self, folder: str) -> Sequence[str]:
        self._note(f"list {folder}")
        raise FileNotFoundError(folder)

    def _note(self, what: str) -> None:
        line = f"{self.where}{what}"
        if line not in self.asked:
            self.asked.append(line)
