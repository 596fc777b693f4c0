"""Few and many log lines, whose they are, and what cannot be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.checks.logs import MOST, logs, of_host
from bot.ports import GaveUp, LogLine, Logs, TryAgain
from bot.runbook.inventory import Host
from bot.runbook.result import State
from tests.fake_metrics import FakeMetrics
from tests.fake_servers import NOW, WEB, Asked, shop, state_of


def target(*ages: float) -> Asked:
    """A host with an error line so many minutes ago, each."""
    lines = tuple(
        LogLine(at=NOW - timedelta(minutes=ago), text=f"bind() failed {ago:g}", host="web-02") for ago in ages
    )
    return Asked(host=WEB.hosts["web-02"], inventory=shop(), metrics=FakeMetrics(log=Logs(lines=lines)))


def asked(on: Asked) -> list[str]:
    assert isinstance(on.metrics, FakeMetrics)
    return on.metrics.asked("logs")


async def test_no_line_is_ok_and_one_fails() -> None:
    assert state_of(await logs(target(), query="status:error")) == (State.OK, "")
    answer = await logs(target(1.0), query="status:error")
    assert state_of(answer) == (State.FAIL, "error")
    assert (answer.facts["count"], answer.facts["text"]) == (1, "bind() failed 1")
    assert "bind() failed 1" in answer.evidence


async def test_lines_outside_of_the_window_do_not_count() -> None:
    assert (await logs(target(11.0), query="status:error")).state is State.OK


@pytest.mark.parametrize(("fewer_than", "state"), [(3, State.FAIL), (4, State.OK)])
async def test_so_many_are_allowed(fewer_than: int, state: State) -> None:
    assert (await logs(target(1, 2, 3), query="status:error", fewer_than=fewer_than)).state is state


async def test_more_than_can_be_counted_may_be_too_many() -> None:
    with pytest.raises(GaveUp) as unknown:
        await logs(target(*[1.0] * (MOST + 1)), query="status:error", fewer_than=2 * MOST)
    assert unknown.value.reason == "cut"


async def test_only_few_are_shown() -> None:
    answer = await logs(target(1, 2, 3, 4, 5), query="status:error", show=2)
    assert len(answer.evidence.splitlines()) == 2
    assert answer.facts["found"] == "2 or more"


async def test_only_the_host_that_is_asked_about_is_searched() -> None:
    on = target()
    await logs(on, query="status:error")
    await logs(on, query="status:error", everywhere=True)
    assert asked(on) == ["host:web-02 status:error", "status:error"]


@pytest.mark.parametrize(
    ("name", "aliases", "search"),
    [
        ("web-02", (), "host:web-02"),
        ("web-02", ("i-0abc", "web-02.example.com"), "host:(web-02 OR i-0abc OR web-02.example.com)"),
        ("web 02", (), 'host:"web 02"'),
        ('x" OR host:*', (), 'host:"x OR host:*"'),
    ],
)
def test_a_host_is_searched_by_all_of_its_names_and_by_nothing_else(
    name: str, aliases: tuple[str, ...], search: str
) -> None:
    assert of_host(Host(name=name, address="127.0.0.1", aliases=aliases)) == search


async def test_a_datadog_that_is_down_is_no_answer() -> None:
    on = target()
    assert isinstance(on.metrics, FakeMetrics)
    on.metrics.fail["logs"] = [TryAgain("Datadog does not answer.")]
    with pytest.raises(TryAgain):
        await logs(on, query="status:error")
