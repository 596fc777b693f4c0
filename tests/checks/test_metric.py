"""A metric inside and outside of its limits, alone and against its past; and what cannot be asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.checks import NOUNS, Seconds, load
from bot.checks.metric import metric
from bot.ports import GaveUp, Series, TryAgain
from bot.runbook.result import State
from tests.fake_metrics import FakeMetrics
from tests.fake_servers import NOW, WEB, Asked, shop, state_of

QUERY = "avg:nginx.request.time{service:shop}"
HOUR = Seconds(3600)


def line(about: str, *values: tuple[float, float]) -> Series:
    """A line of values by how many minutes ago they were measured."""
    return Series(points=tuple((NOW - timedelta(minutes=ago), value) for ago, value in values), about=about, unit="s")


def target(*lines: Series, **fail: Any) -> Asked:
    metrics = FakeMetrics(lines=lines, fail={name: [problem] for name, problem in fail.items()})
    return Asked(host=WEB.hosts["web-02"], inventory=shop(), metrics=metrics)


@pytest.mark.parametrize(
    ("limits", "state"),
    [
        ({"below": 2.0}, State.OK),
        ({"below": 1.5}, State.FAIL),
        ({"above": 1.0}, State.OK),
        ({"above": 1.5}, State.FAIL),
        ({"above": 1.0, "below": 2.0}, State.OK),
        ({"above": 1.0, "below": 1.2}, State.FAIL),
    ],
)
async def test_the_mean_is_where_it_should_be_or_not(limits: dict[str, float], state: State) -> None:
    answer = await metric(target(line("shop", (9, 1.0), (1, 2.0), (30, 99.0))), query=QUERY, **limits)
    assert state_of(answer) == (state, "" if state is State.OK else "error")
    assert (answer.facts["value"], answer.facts["samples"]) == (1.5, 2)
    assert "1.5 s" in answer.summary


async def test_of_several_lines_the_worst_counts() -> None:
    lines = line("web-01", (1, 1.0)), line("web-02", (1, 5.0)), line("web-03", (1, 0.1))
    assert (await metric(target(*lines), query=QUERY, below=4.0)).facts["value"] == 5.0
    assert (await metric(target(*lines), query=QUERY, above=0.5)).facts["value"] == 0.1


@pytest.mark.parametrize(("below", "state"), [(2.5, State.OK), (2.0, State.FAIL)])
async def test_the_ratio_to_the_same_window_earlier_counts(below: float, state: State) -> None:
    answer = await metric(target(line("shop", (5, 4.0), (65, 2.0))), query=QUERY, below=below, versus=HOUR)
    assert answer.state is state
    assert (answer.facts["value"], answer.facts["ratio"]) == (4.0, 2.0)
    assert "2 times what it was 1 h earlier" in answer.summary


@pytest.mark.parametrize("points", [[], [(5, 4.0)], [(65, 2.0)], [(5, 4.0), (65, 0.0)]])
async def test_without_data_to_compare_nothing_is_known(points: list[tuple[float, float]]) -> None:
    answer = await metric(target(line("shop", *points)), query=QUERY, below=2.0, versus=HOUR)
    assert state_of(answer) == (State.UNKNOWN, "stale")


async def test_without_data_at_all_nothing_is_known() -> None:
    assert state_of(await metric(target(), query=QUERY, below=2.0)) == (State.UNKNOWN, "stale")


async def test_without_a_limit_it_is_no_question() -> None:
    with pytest.raises(GaveUp, match="above or below"):
        await metric(target(), query=QUERY)


async def test_a_datadog_that_is_down_is_no_answer() -> None:
    with pytest.raises(TryAgain):
        await metric(target(series=TryAgain("Datadog does not answer.", reason="datadog-away")), query=QUERY, below=1.0)


def test_they_only_look() -> None:
    load()
    for name in ("metric", "logs", "monitor"):
        assert not NOUNS[name].touches
        assert not NOUNS[name].over_ssh
