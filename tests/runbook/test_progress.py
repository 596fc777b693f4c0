"""A run that takes its time says how far it is; a quick one says nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from bot.facts import ChecksAnswered, ChecksComing, Fact, Opened, fold
from bot.runbook.inventory import Host
from bot.runbook.progress import Progress
from bot.runbook.result import Result, State
from bot.runbook.run import Runner
from bot.runbook.runbook import Check
from tests.runbook.test_repair import RUNBOOK

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
HOST = Host(name="web-02", address="127.9.0.12")
ANSWER = Result(check="port", host="web-02", state=State.FAIL, at=NOW)


async def told(times: list[float], answers: int) -> list[ChecksComing]:
    """What is told when answers come at these times, of four that are asked."""
    clock, said = iter(times), list[ChecksComing]()

    async def coming(far: ChecksComing) -> None:
        said.append(far)

    book = replace(RUNBOOK, checks={name: Check(name=name, noun="tcp") for name in "abcd"})
    asks = cast(Runner, SimpleNamespace(questions=lambda *_: [1]))
    progress = Progress(asks, book, HOST, coming, clock=lambda: next(clock))
    for _ in range(answers):
        await progress.hear(ANSWER)
    return said


async def test_a_quick_run_says_nothing() -> None:
    assert await told([0.0, 0.1, 0.2, 0.3], 4) == []


async def test_a_slow_run_says_how_far_it_is_once_a_second() -> None:
    said = await told([0.0, 0.5, 1.2, 1.2, 1.9, 5.0], 4)
    assert [(far.answered, far.asked, len(far.failed)) for far in said] == [(2, 4, 2)]


def test_the_card_says_so_until_all_have_answered() -> None:
    def incident(*what: Any) -> str:
        facts = [Opened(title="Pages are slow", severity="SEV3"), *what]
        return fold(
            1, [Fact(key=str(n), what=w, occurred_at=NOW, recorded_at=NOW) for n, w in enumerate(facts)]
        ).checking

    far = ChecksComing(runbook="web", host="web-02", answered=3, asked=12, failed=("port on web-02",))
    done = ChecksAnswered(runbook="web", host="web-02", run="r", results=())
    assert incident(far) == "web on web-02: 3 of 12 answers; fail: port on web-02"
    assert incident(far, done) == ""
