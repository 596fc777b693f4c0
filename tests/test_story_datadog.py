"""Datadog in the story: always after the card, never in the way of anything, and named when something is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.facts import Closed
from bot.incident import RepairState
from bot.policy import Datadog
from bot.ports import GaveUp, Groups, GroupState, TryAgain
from bot.slack.render import card as render
from bot.store import Store
from tests.datadog.lab import lab_and_client
from tests.story import Story, story

AWAY = TryAgain("Datadog does not answer.", reason="datadog-away")
NO = GaveUp("Datadog refuses our keys for this.", reason="datadog-refused", fix="Give it the scope monitors_read.")


@pytest_asyncio.fixture
async def told(store: Store, tmp_path: Path) -> AsyncIterator[Story]:
    wishes = Datadog(write_back=True, downtime=True, mirror_incident=True)
    async with story(store, tmp_path / "postmortems", datadog=wishes) as ready:
        yield ready


async def test_it_is_asked_and_told_after_everything_that_people_wait_for(told: Story) -> None:
    seen: list[list[str]] = []
    monitor = told.metrics.monitor

    async def look(monitor_id: str) -> object:
        seen.append(list(told.chat.calls))
        return await monitor(monitor_id)

    told.metrics.monitor = look  # type: ignore[method-assign,assignment] # a wrapper
    told.alert("open")
    await told.settle()
    assert seen[0][:5] == ["open_channel", "show_card", "invite", "set_topic", "announce"]
    assert told.incident.watched.links
    assert len(told.metrics.markers) == 1


@pytest.mark.parametrize("problem", [AWAY, NO])
async def test_one_that_fails_is_named_with_its_fix_and_stops_nothing(told: Story, problem: TryAgain | GaveUp) -> None:
    told.metrics.fail = {"monitor": [problem], "mark": [problem, problem]}  # told by two flows
    told.alert()
    await told.settle()
    troubles = told.incident.troubles
    assert set(troubles) == {"Datadog look-up", "write-back"}
    assert troubles["write-back"].text == str(problem)
    assert (problem.fix if isinstance(problem, GaveUp) else "tried again by itself") in troubles["write-back"].fix
    assert told.state() is RepairState.OFFERED
    await told.later(minutes=1)
    assert told.incident.troubles == {}
    assert told.incident.monitors["7"]["state"] == "Alert"
    assert len(told.metrics.asked("mark")) >= 2


async def test_one_that_hangs_keeps_neither_card_nor_checks_waiting(told: Story) -> None:
    hanging = asyncio.Event()
    monitor = told.metrics.monitor

    async def hang(monitor_id: str) -> object:
        await hanging.wait()
        return await monitor(monitor_id)

    told.metrics.monitor = hang  # type: ignore[method-assign,assignment] # a wrapper
    told.alert()
    while not (told.incident.view.announcement and told.incident.proved and told.incident.repairs):
        await told.engine.sweep(told.now)
        await asyncio.sleep(0.01)
    assert told.incident.monitors == {}
    hanging.set()
    await told.settle()
    assert told.incident.monitors["7"]["state"] == "Alert"


async def test_a_whole_story_leaves_its_marks_and_ends_its_silence(told: Story) -> None:
    scope = ("host:web-02", "service:shop")
    told.metrics.found = Groups(groups=(GroupState(monitor_id="7", name=",".join(scope), status="alert", tags=scope),))
    told.alert(scope=scope)
    await told.settle()
    assert told.metrics.silences == {}
    told.click(told.ana)
    await told.settle()
    assert len(told.metrics.silences) == 1
    told.tell("closed", Closed())
    told.due("close", "close")
    await told.settle()
    assert told.metrics.silences == {}
    names = [key.partition("/")[2] for key in told.metrics.markers]
    assert names == ["opened", "cause", "repaired", "closed-1"]
    (shown,) = told.metrics.mirrors.values()
    assert shown.state == "resolved"
    assert told.incident.troubles == {}


FAULTS: dict[str, tuple[int, float, str]] = {
    "forbidden": (403, 0.0, "the scope monitors_read"),
    "down": (503, 0.0, "tried again by itself"),
    "slow": (0, 30.0, "tried again by itself"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_whatever_the_api_does_the_card_stands_and_says_what_is_missing(
    store: Store, tmp_path: Path, name: str
) -> None:
    fault, delay, fix = FAULTS[name]
    async with lab_and_client(within=0.5) as (api, client), story(store, tmp_path / "p", source=client) as told:
        api.fault, api.delay = fault, delay
        told.alert()
        await told.settle()
        incident = told.incident
        assert incident.view.card
        assert told.state() is RepairState.OFFERED
        assert fix in incident.troubles["Datadog look-up"].fix
        card = json.dumps(render(incident, now=told.now).blocks)
        assert "Datadog look-up failed" in card
        assert "/monitors/7" in card
        api.fault, api.delay = 0, 0.0
        await told.later(minutes=1)
        assert "write-back" not in told.incident.troubles
