"""A merged delivery becomes as many alerts as it stood for, once, and says so when nobody can tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.alerts import load
from bot.intake import Intake
from bot.policy import Policy
from bot.ports import GaveUp, Groups, GroupState, TryAgain
from bot.runbook.inventory import Inventory
from bot.steps.merged_groups import MergedGroups
from bot.store import Store
from tests.fake_metrics import FakeMetrics

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
load()


def group(n: int, *, minutes: float = 0, status: str = "alert") -> GroupState:
    tags = (f"host:web-{n:02}", "service:shop")
    at = NOW + timedelta(minutes=minutes)
    return GroupState(monitor_id="7", name=",".join(tags), status=status, tags=tags, triggered_at=at)


class Merged:
    """A delivery that names two hosts, and Datadog that knows of more."""

    def __init__(self, store: Store) -> None:
        self.store, self.metrics = store, FakeMetrics()
        self.intake = Intake(store, policy=Policy(), inventory=Inventory(), now=lambda: NOW)
        self.groups = MergedGroups(store=store, metrics=self.metrics, take=self.intake.add)
        self.metrics.found = Groups(groups=tuple(group(n) for n in range(1, 6)))

    def deliver(self, scope: str = "host:web-01,host:web-02,service:shop", **words: str) -> str:
        body = {
            "event_id": "1",
            "alert_id": "7",
            "alert_transition": "Triggered",
            "alert_title": "Web is out",
            "alert_scope": scope,
            "tags": f"{scope},env:prod",
            "date_ms": str(int(NOW.timestamp() * 1000)),
            **words,
        }
        return self.intake.receive("datadog", json.dumps(body).encode()).delivery

    async def ask(self, delivery: str) -> int:
        return await self.groups.ask(1, {"delivery": delivery})

    def scopes(self) -> list[tuple[str, ...]]:
        incident = self.store.incident(1)
        assert incident
        return [alert.scope for alert in incident.alerts]


@pytest.fixture
def merged(store: Store) -> Merged:
    return Merged(store)


async def test_the_groups_that_it_does_not_name_are_judged_too_and_once(merged: Merged) -> None:
    delivery = merged.deliver()
    assert await merged.ask(delivery) == 3
    assert await merged.ask(delivery) == 0
    assert sorted(merged.scopes()) == [(f"host:web-{n:02}", "service:shop") for n in range(1, 6)]
    assert len(merged.store.summaries()) == 1
    incident = merged.store.incident(1)
    assert incident
    assert {alert.delivery for alert in incident.alerts} == {delivery}
    assert incident.alerts[-1].hostname in {"web-03", "web-04", "web-05"}
    assert "env:prod" in incident.alerts[-1].tags


async def test_a_merged_delivery_makes_the_question_due(merged: Merged) -> None:
    delivery = merged.deliver()
    assert [due.args for due in merged.store.dues() if due.flow == "expand"] == [{"delivery": delivery}]


async def test_one_that_names_one_group_asks_nobody(merged: Merged) -> None:
    merged.deliver("host:web-01,service:shop")
    assert [due for due in merged.store.dues() if due.flow == "expand"] == []


@pytest.mark.parametrize(
    "other", [group(9, minutes=-30), group(9, status="ok"), GroupState(monitor_id="7", name="*", status="alert")]
)
async def test_what_alerted_at_another_time_or_is_well_is_not_in_it(merged: Merged, other: GroupState) -> None:
    merged.metrics.found = Groups(groups=(other,))
    assert await merged.ask(merged.deliver()) == 0


async def test_a_merged_recovery_tells_nothing_of_others(merged: Merged) -> None:
    merged.deliver()
    assert await merged.ask(merged.deliver(alert_transition="Recovered", event_id="2")) == 0
    assert merged.metrics.calls == []


@pytest.mark.parametrize("problem", [TryAgain("Datadog does not answer."), GaveUp("No.", fix="Give the scope.")])
async def test_where_nobody_can_tell_it_is_said_and_the_named_groups_stay(
    merged: Merged, problem: TryAgain | GaveUp
) -> None:
    delivery = merged.deliver()
    merged.metrics.fail["monitor"] = [problem]
    with pytest.raises(type(problem)):
        await merged.ask(delivery)
    assert len(merged.scopes()) == 2
    assert await merged.ask(delivery) == 3


async def test_without_keys_the_named_groups_are_all(merged: Merged) -> None:
    merged.metrics.fail["monitor"] = [GaveUp("Datadog look-ups are off.", reason="no-keys")]
    assert await merged.ask(merged.deliver()) == 0


async def test_a_delivery_that_is_gone_is_no_mistake(merged: Merged) -> None:
    words: dict[str, Any] = {"delivery": "D-none"}
    assert await merged.groups.ask(1, words) == 0


@pytest.mark.parametrize("problem", [TryAgain("Datadog does not answer."), GaveUp("No.", fix="Give the scope.")])
async def test_for_a_proposal_the_groups_are_asked_for_and_missing_ones_stop_nothing(
    merged: Merged, problem: TryAgain | GaveUp
) -> None:
    delivery = merged.deliver()
    merged.metrics.fail["monitor"] = [problem]
    await merged.groups.ask_for_proposal({"delivery": delivery})
    assert len(merged.scopes()) == 2
    await merged.groups.ask_for_proposal({"delivery": delivery})
    assert len(merged.scopes()) == 5
