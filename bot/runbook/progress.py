"""How far a run of checks is, told while it goes on. A run that is over within a second tells nothing."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from bot.facts import ChecksComing
from bot.runbook.inventory import Host
from bot.runbook.result import Result, State
from bot.runbook.run import Runner
from bot.runbook.runbook import Runbook

Coming = Callable[[ChecksComing], Awaitable[None]]
PAUSE = 1.0
"""Seconds between two words: each of them edits a card."""


class Progress:
    """Counts the answers of one run as they come."""

    def __init__(
        self,
        runner: Runner,
        runbook: Runbook,
        host: Host,
        coming: Coming,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asked = sum(max(1, len(runner.questions(check, host))) for check in runbook.checks.values())
        self._runbook = runbook.name
        self._host = host.name
        self._coming = coming
        self._clock = clock
        self._told = clock()
        self._answered = 0
        self._failed: list[str] = []

    async def hear(self, result: Result) -> None:
        """Take an answer; say how far the run is when nothing was said for a second and more is to come."""
        self._answered += 1
        if result.state is State.FAIL:
            self._failed.append(f"{result.check} on {result.host}")
        if self._answered < self._asked and self._clock() - self._told >= PAUSE:
            self._told = self._clock()
            await self._coming(
                ChecksComing(
                    runbook=self._runbook,
                    host=self._host,
                    answered=self._answered,
                    asked=self._asked,
                    failed=tuple(self._failed),
                )
            )
