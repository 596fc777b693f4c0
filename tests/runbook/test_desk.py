"""The desk: what it offers for a proved cause, what it offers again, and repairs of a group one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.incident import AlertSeen, CauseSeen, Incident, Repair, RepairState, Verdict
from bot.ports import TryAgain
from bot.runbook.desk import Desk
from bot.runbook.limits import Begun
from bot.runbook.runbook import Cause, When
from bot.settings import Home
from bot.store import Store
from tests.fake_servers import NOW, moved
from tests.runbook.test_repair import ADDRESS, RUNBOOK, World

CAUSE = "web-out-of-rotation/1"


class Clock:
    """The time, to be moved."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("bot.runbook.repair.MARGIN", -10.0)
    made = World(tmp_path)
    moved(made.web, ADDRESS, 8081)
    made.running = made.site()
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(world: World, clock: Clock, tmp_path: Path, sqlite_url: str) -> Desk:
    runbook = replace(RUNBOOK, causes=(Cause(id=CAUSE, when={}, explains="", offer=("restore-config",)),))
    home = Home(folder=tmp_path, inventory=world.inventory, runbooks=(runbook,))
    made = Desk(home, Store.open(sqlite_url), now=clock)
    made._made = world.repairs.runner, world.repairs
    return made


def incident(*repairs: Repair) -> Incident:
    """An incident whose alert has just come, with a proved cause."""
    cause = CauseSeen(id=CAUSE, verdict=Verdict.PROVED, text="Another port.", at=NOW, host="web-02", run="run/web")
    alert = AlertSeen(delivery="D1", source="datadog", transition="Triggered", at=NOW)
    return Incident(number=1, opened_at=NOW, causes=[cause], alerts=[alert], repairs=list(repairs))


async def offered(desk: Desk, found: Incident, *, by_person: bool = True, run: str = "run") -> Repair:
    (offer,) = await desk.offers(found, run=run, by_person=by_person)
    assert isinstance(offer, Repair), offer
    return offer


async def test_a_proved_cause_is_offered_its_repair_with_its_diff(desk: Desk) -> None:
    offer = await offered(desk, incident())
    assert offer.state is RepairState.OFFERED
    assert "8081" in offer.diff
    assert offer.expires_at == NOW + timedelta(minutes=15)


async def test_causes_of_another_run_are_not_offered_anything(desk: Desk) -> None:
    assert await desk.offers(incident(), run="ru", by_person=True) == []


async def test_an_old_alert_alone_gets_no_offer_but_a_person_does(desk: Desk, clock: Clock) -> None:
    clock.now = NOW + timedelta(minutes=11)
    (reason,) = await desk.offers(incident(), run="run", by_person=False)
    assert str(reason).startswith("No repair was planned, the alert is over ten minutes old")
    assert (await offered(desk, incident())).plan


async def test_what_is_on_offer_is_not_offered_twice(desk: Desk) -> None:
    first = await offered(desk, incident())
    assert (await offered(desk, incident(first))).plan == first.plan


async def test_an_offer_that_expired_can_be_made_again(desk: Desk) -> None:
    first = await offered(desk, incident())
    gone = replace(first, state=RepairState.EXPIRED)
    second = await offered(desk, incident(gone))
    assert second.plan == f"{first.plan}.2"
    assert (await offered(desk, incident(gone, second))).plan == second.plan
    assert await _carried_out(desk, second) == RepairState.VERIFIED


async def test_the_same_action_is_not_offered_again_right_after_it_ran(desk: Desk, clock: Clock) -> None:
    first = await offered(desk, incident())
    ran = replace(first, state=RepairState.PUT_BACK, details={**first.details, "stage": "acting"})
    with desk._store.transaction() as tx:
        tx.begun(Begun(plan=f"INC-2/{first.plan}", name=first.name, host=first.host, at=NOW))
    (reason,) = await desk.offers(incident(ran), run="run", by_person=True)
    assert reason == "No repair was planned: restore-config has run on web-02, and may only once in 10 minutes."
    clock.now = NOW + timedelta(minutes=10)
    assert (await offered(desk, incident(ran))).plan == f"{first.plan}.2"


async def test_what_changed_after_the_offer_is_not_done(desk: Desk, world: World) -> None:
    offer = await offered(desk, incident())
    moved(world.web, ADDRESS, 8099)
    assert await _carried_out(desk, offer) is RepairState.FAILED
    assert world.reloads == 0


async def test_an_interrupted_repair_is_verified_and_not_run_again(desk: Desk, world: World) -> None:
    offer = await offered(desk, incident())
    ended, _, plan = await _told(desk, offer)
    assert ended is RepairState.VERIFIED
    running = replace(offer, state=RepairState.RUNNING, details={**offer.details, "stage": "verifying"})
    assert await _carried_out(desk, running, plan) is RepairState.VERIFIED
    assert world.reloads == 1


@pytest.mark.parametrize("kept", ["", "{}", '{"id": 1}', "not JSON"])
async def test_an_interrupted_repair_whose_plan_is_lost_needs_a_person(desk: Desk, world: World, kept: str) -> None:
    offer = await offered(desk, incident())
    running = replace(offer, state=RepairState.RUNNING, details={**offer.details, "stage": "acting"})
    states, why, _ = await _told(desk, running, kept)
    assert states is RepairState.FAILED
    assert why.endswith("web-02 needs a person.")
    assert world.reloads == 0


async def test_repairs_of_one_group_wait_for_each_other(desk: Desk) -> None:
    async with desk._alone("shop-web"):
        other = asyncio.create_task(_carried_out(desk, await offered(desk, incident())))
        await asyncio.sleep(0)
        assert not other.done()
    assert await other is RepairState.VERIFIED


async def test_a_group_that_another_replica_repairs_is_tried_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(name: str) -> None:
        raise TryAgain(f"{name} is locked", reason="database")

    monkeypatch.setattr(desk._store, "lease", taken)
    with pytest.raises(TryAgain, match="Another repair of shop-web is running"):
        await _carried_out(desk, await offered(desk, incident()))


async def _carried_out(desk: Desk, repair: Repair, underway: str = "") -> RepairState:
    return (await _told(desk, repair, underway))[0]


async def _told(desk: Desk, repair: Repair, underway: str = "") -> tuple[RepairState, str, str]:
    """How it ended, why, and the plan that was to be kept."""
    states: list[RepairState] = []
    said: list[str] = []
    plans: list[str] = []

    async def reached(state: RepairState, text: str, details: Mapping[str, Any], plan: str) -> None:  # noqa: ARG001 - one shape
        states.append(state)
        said.append(text)
        plans.append(plan)

    done = await desk.carry_out(repair, reached, underway=underway)
    assert done == (states[0] is RepairState.RUNNING)
    return states[-1], said[-1], "".join(plans)


async def test_a_rehearsal_asks_every_host_that_a_runbook_covers_and_touches_nothing(desk: Desk, world: World) -> None:
    (runbook,) = desk._home.runbooks
    covering = replace(runbook, when=(When(monitor="*"),))
    desk._home = replace(desk._home, runbooks=(covering,))
    hosts = [host.name for _, host in desk.rehearsals()]
    assert hosts == [name for group in world.inventory.groups.values() for name in group.hosts]
    states = await desk.rehearse(covering, world.inventory.groups["shop-web"].hosts["web-02"])
    assert states.keys() == {c.name for c in runbook.checks.values() if not c.words.get("test")}
    assert "fail" in states.values()
    assert world.reloads == 0
    balancer = world.inventory.groups["shop-lb"].hosts["lb-01"]
    assert "skipped" not in (await desk.rehearse(covering, balancer)).values()
