"""Running a runbook: all hosts and checks at once, each within its time, and nothing blocks anything else.

What cannot be asked becomes an *unknown* result with its reason. Checks that touch run last and alone.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import ERROR

from bot import log
from bot.checks import NOUNS, Answer, Noun, Session
from bot.ports import NO_KEYS, GaveUp, Metrics, TryAgain
from bot.redact import cut, redact, redact_all
from bot.runbook.inventory import Group, Host, Inventory
from bot.runbook.placeholders import values_of
from bot.runbook.reach import Connected, Reach, Snapshot
from bot.runbook.result import JSON, Known, Result, State
from bot.runbook.runbook import At, Check, Runbook
from bot.runbook.words import bind

KnownGood = Callable[[Host], Awaitable[Known | None]]
OnResult = Callable[[Result], Awaitable[None]]
Secret = Callable[[str], Awaitable[str]]
GRACE = 1.0
"""Seconds beyond its own limit in which a check can still say itself that it ran out of time."""
EVIDENCE, FACT, SUMMARY = 3_000, 8_000, 500
"""The most characters of each that are kept."""


async def nothing_known(host: Host) -> Known | None:  # noqa: ARG001 - fits KnownGood
    """No commit is recorded as known good."""
    return None


async def no_secret(reference: str) -> str:
    """There are none."""
    raise GaveUp(f"Nobody holds {reference} here.", reason="no-secret", fix="Run this check through the bot.")


async def nobody_listens(result: Result) -> None:
    """Take a result and do nothing."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One check about one host."""

    check: Check
    noun: Noun
    host: Host
    touches: bool


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All answers of one run, in the order of the runbook. `took_ms` is in milliseconds, `at` its start in UTC."""

    runbook: str
    host: str
    results: tuple[Result, ...]
    at: datetime
    took_ms: int


class Runner:
    """Asks the checks of a runbook. It keeps nothing between two runs."""

    def __init__(
        self,
        reach: Reach,
        inventory: Inventory,
        *,
        known_good: KnownGood = nothing_known,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        secrets: Collection[str] = (),
        limit: float = 30.0,
        metrics: Metrics | None = None,
        secret: Secret = no_secret,
    ) -> None:
        self.reach = reach
        self.inventory = inventory
        self._metrics = metrics
        self.secret = secret
        self.known_good = known_good
        self.clock = clock
        self._secrets = secrets
        self._limit = limit

    @property
    def metrics(self) -> Metrics:
        """Whom to ask about metrics. Raises GaveUp where nobody can be asked."""
        if self._metrics is None:
            raise GaveUp("Datadog is not asked here.", reason=NO_KEYS, fix="Set DD_API_KEY and DD_APP_KEY.")
        return self._metrics

    async def diagnose(
        self,
        runbook: Runbook,
        host: Host,
        *,
        on_result: OnResult = nobody_listens,
        only: Collection[str] | None = None,
        repaired_at: datetime | None = None,
        limit: float | None = None,
    ) -> Diagnosis:
        """Ask everything (or the checks named in `only`) about the host that the alert names.

        Each result goes to `on_result` as it comes. `repaired_at` says that this verifies a repair.
        `limit` is the time of the whole run in seconds.
        """
        started, at = time.monotonic(), self.clock()
        checks = [check for name, check in runbook.checks.items() if only is None or name in only]
        async with AsyncExitStack() as stack:
            connected = await stack.enter_async_context(self.reach.connections())
            run = _Run(self, host, repaired_at, connected, on_result)
            stack.push_async_callback(run.close)
            results = await run.ask_all(checks, limit or self._limit)
        took = round((time.monotonic() - started) * 1000)
        return Diagnosis(runbook=runbook.name, host=host.name, results=tuple(results), at=at, took_ms=took)

    def questions(self, check: Check, host: Host) -> list[Question]:
        """Whom this check asks when the alert names `host`; nobody when the inventory has no such host."""
        noun = NOUNS[check.noun]
        touches = noun.touching(check.words)
        return [Question(check=check, noun=noun, host=one, touches=touches) for one in self._asked(check.at, host)]

    def result(self, check: str, host: str, answer: Answer, *, took: float = 0.0) -> Result:
        """The answer as it is kept: without secrets, then cut. `took` is in seconds."""
        facts = redact_all(dict(answer.facts), secrets=self._secrets)
        return Result(
            check=check,
            host=host,
            state=answer.state,
            reason=answer.reason,
            summary=cut(redact(answer.summary, secrets=self._secrets), limit=SUMMARY),
            facts={name: _cut_fact(value) for name, value in facts.items()},
            evidence=cut(redact(answer.evidence, secrets=self._secrets), limit=EVIDENCE),
            took_ms=round(took * 1000),
            at=self.clock(),
        )

    def _asked(self, at: At, host: Host) -> Sequence[Host]:
        match at:
            case At.AFFECTED | At.BOT:
                return [host]
            case At.PEERS:
                return self.inventory.peers(host)
            case At.GROUP:
                return [host, *self.inventory.peers(host)]
            case At.BALANCER:
                balancer = self.inventory.balancer_of(host)
                return [balancer] if balancer else []
            case At.PRIMARY:
                primary = self.inventory.find(self.inventory.group_of(host).primary or "")
                return [primary] if primary else []


@dataclass(frozen=True, kw_only=True)
class _Target:
    """A `Target` of one question."""

    run: _Run
    host: Host
    within: float

    @property
    def affected(self) -> Host:
        return self.run.affected

    @property
    def group(self) -> Group:
        return self.inventory.group_of(self.host)

    @property
    def inventory(self) -> Inventory:
        return self.run.runner.inventory

    @property
    def repaired_at(self) -> datetime | None:
        return self.run.repaired_at

    @property
    def metrics(self) -> Metrics:
        return self.run.runner.metrics

    def now(self) -> datetime:
        return self.run.runner.clock()

    async def session(self, host: Host | None = None) -> Session:
        return await self.run.session(host or self.host)

    async def known_good(self, host: Host) -> Known | None:
        return await self.run.runner.known_good(host)

    async def secret(self, reference: str) -> str:
        return await self.run.runner.secret(reference)


@dataclass
class _Run:
    runner: Runner
    affected: Host
    repaired_at: datetime | None
    connected: Connected
    on_result: OnResult
    snapshots: dict[str, Snapshot] = field(default_factory=dict)

    async def session(self, host: Host) -> Snapshot:
        """The shared view of a host. The host must be the inventory's own."""
        if self.runner.inventory.find(host.name) != host:
            raise GaveUp(f"{host.name} is not in the inventory.", reason="no-access")
        session = await self.connected.session(host)
        return self.snapshots.setdefault(host.name, Snapshot(session))

    async def close(self) -> None:
        for snapshot in self.snapshots.values():
            await snapshot.close()

    async def ask_all(self, checks: Sequence[Check], limit: float) -> list[Result]:
        asked = {check.name: self.runner.questions(check, self.affected) for check in checks}
        questions = [question for each in asked.values() for question in each]
        deadline = asyncio.get_running_loop().time() + limit
        found: dict[tuple[str, str], Result] = {}
        for check in checks:
            if not asked[check.name]:
                found[check.name, self.affected.name] = await self._skipped(check)
        await self._together([q for q in questions if not q.touches], deadline, found)
        for question in (q for q in questions if q.touches):
            await self._together([question], deadline, found)
        order = {name: at for at, name in enumerate(asked)}
        return sorted(found.values(), key=lambda result: order[result.check])

    async def _together(
        self, questions: Sequence[Question], deadline: float, found: dict[tuple[str, str], Result]
    ) -> None:
        """Ask these at once; at the end of the run's time, what has no answer yet is unknown."""
        tasks = {asyncio.create_task(self._ask(question)): question for question in questions}
        try:
            waiting = set(tasks)
            while waiting:
                left = max(0.0, deadline - asyncio.get_running_loop().time())
                done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                for task in done:
                    await self._tell(found, await task)
            for task in waiting:
                await self._tell(found, self._no_time_left(tasks[task]))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, found: dict[tuple[str, str], Result], result: Result) -> None:
        found[result.check, result.host] = result
        await self.on_result(result)

    async def _skipped(self, check: Check) -> Result:
        answer = Answer(state=State.SKIPPED, summary=f"the inventory names no {check.at} of {self.affected.name}")
        result = self.runner.result(check.name, self.affected.name, answer)
        await self.on_result(result)
        return result

    def _no_time_left(self, question: Question) -> Result:
        answer = Answer(state=State.UNKNOWN, reason="timeout", summary="the time of the whole run was over")
        return self.runner.result(question.check.name, question.host.name, answer)

    async def _ask(self, question: Question) -> Result:
        started = time.monotonic()
        answer = await self._answer(question)
        return self.runner.result(question.check.name, question.host.name, answer, took=time.monotonic() - started)

    async def _answer(self, question: Question) -> Answer:
        check, host = question.check, question.host
        target = _Target(run=self, host=host, within=check.timeout)
        try:
            words = bind(check.words, question.noun, values_of(host, target.group))
            async with asyncio.timeout(check.timeout + GRACE):
                return await question.noun.ask(target, **words)
        except (TryAgain, GaveUp) as error:
            return Answer(state=State.UNKNOWN, reason=error.reason, summary=str(error))
        except FileNotFoundError as error:
            return Answer(state=State.UNKNOWN, reason="error", summary=f"{host.name} has no file {error}")
        except TimeoutError:
            return Answer(state=State.UNKNOWN, reason="timeout", summary=f"no answer within {check.timeout:g} s")
        except Exception as error:  # noqa: BLE001 - one broken check must not take the others with it
            log.event("check.broken", level=ERROR, check=check.name, noun=check.noun, error=_where(error))
            return Answer(state=State.UNKNOWN, reason="error", summary=f"this check is broken: {type(error).__name__}")


def _cut_fact(value: JSON) -> JSON:
    return cut(value, limit=FACT) if isinstance(value, str) else value


def _where(error: BaseException) -> str:
    """The kind of an error and the line that raised it; its text may hold what a server said."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {last.filename}:{last.lineno}"
