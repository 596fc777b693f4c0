"""Monitors that are well, alert, warn, speak of another host, or are not there."""

from __future__ import annotations

import pytest

from bot.checks.monitor import monitor, speaks_of
from bot.ports import GaveUp, Groups, GroupState
from bot.runbook.inventory import Host
from bot.runbook.result import State
from tests.fake_metrics import FakeMetrics
from tests.fake_servers import WEB, Asked, shop, state_of


def group(status: str, *tags: str) -> GroupState:
    return GroupState(monitor_id="7", name=",".join(tags) or "*", status=status, tags=tags, monitor="Disk")


def target(*groups: GroupState, complete: bool = True) -> Asked:
    found = Groups(groups=groups, complete=complete)
    return Asked(host=WEB.hosts["web-02"], inventory=shop(), metrics=FakeMetrics(found=found))


@pytest.mark.parametrize(
    ("status", "expect", "state"),
    [
        ("ok", "ok", State.OK),
        ("alert", "ok", State.FAIL),
        ("no data", "ok", State.FAIL),
        ("warn", "ok", State.WARN),
        ("alert", "alert", State.OK),
        ("ok", "alert", State.FAIL),
    ],
)
async def test_it_is_as_expected_or_not(status: str, expect: str, state: State) -> None:
    answer = await monitor(target(group(status, "host:web-02")), query="id:7", expect=expect)
    assert answer.state is state
    assert answer.reason == ("" if state is State.OK else "error")


async def test_other_hosts_count_only_when_asked_for() -> None:
    on = target(group("alert", "host:web-01"), group("ok", "host:web-02"))
    assert (await monitor(on, query="id:7")).state is State.OK
    answer = await monitor(on, query="id:7", everywhere=True)
    assert answer.state is State.FAIL
    assert "alert Disk (host:web-01)" in answer.summary


@pytest.mark.parametrize("groups", [[], [group("alert", "host:web-01")]])
async def test_where_no_monitor_speaks_of_the_host_nothing_is_known(groups: list[GroupState]) -> None:
    assert state_of(await monitor(target(*groups), query="id:7")) == (State.UNKNOWN, "error")


async def test_a_search_that_was_cut_off_proves_nothing_to_be_well() -> None:
    good, bad = group("ok", "host:web-02"), group("alert", "host:web-02")
    assert (await monitor(target(good, complete=False), query="x")).state is State.UNKNOWN
    assert (await monitor(target(good, bad, complete=False), query="x")).state is State.FAIL


def test_a_host_is_known_by_its_names_and_a_group_without_host_is_everybodys() -> None:
    host = Host(name="Web-02", address="127.0.0.1", aliases=("i-0abc",))
    assert speaks_of(group("ok", "host:web-02"), host)
    assert speaks_of(group("ok", "host:I-0ABC", "env:prod"), host)
    assert speaks_of(group("ok", "service:shop"), host)
    assert not speaks_of(group("ok", "host:web-022"), host)


async def test_a_forbidden_datadog_is_no_answer() -> None:
    on = target()
    assert isinstance(on.metrics, FakeMetrics)
    on.metrics.fail["groups"] = [GaveUp("Datadog refuses our keys for this.", reason="datadog-refused")]
    with pytest.raises(GaveUp):
        await monitor(on, query="id:7")
