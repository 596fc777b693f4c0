"""What Datadog knows and we do not: missed alerts come in once, missing recoveries are asked about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alerts import load
from bot.alerts.datadog import datadog as parse
from bot.incident import Incident, Kind, Status
from bot.intake import Intake
from bot.policy import Policy
from bot.ports import GaveUp, Groups, GroupState, MonitorState, TryAgain
from bot.runbook.inventory import Inventory
from bot.store import Store
from bot.triage.judge import Problem
from bot.triage.reconcile import (
    EVERY,
    UNDER_WAY,
    Reconcile,
    delivery_of,
    is_about,
    missed,
    monitor_of,
    name_of,
    silent,
    what_became,
)
from tests.fake_metrics import FakeMetrics

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=20)
load()


def group(tags: str = "host:web-02,service:shop", status: str = "alert", **words: object) -> GroupState:
    known = {"monitor_id": "7", "monitor": "Web is out", "triggered_at": LONG_AGO, "priority": "P2", **words}
    parts = tuple(tag for tag in tags.split(",") if ":" in tag)
    return GroupState(name=tags or "*", status=status, tags=parts, **known)  # type: ignore[arg-type] # of a table


def problem(scope: str = "host:web-02,service:shop", **words: object) -> Problem:
    known = {"incident": 1, "cycle": "", "place": "", "firing": True, "open": True, "last_at": LONG_AGO, **words}
    return Problem(fingerprint=f"datadog|7|{scope}", **known)  # type: ignore[arg-type] # of a table


# ------------------------------------------------------------------ decisions


def test_an_alert_of_which_we_never_heard_was_missed() -> None:
    assert missed([group()], {}, [], now=NOW) == [group()]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(group(status="ok"), id="well"),
        pytest.param(group(muted=True), id="muted"),
        pytest.param(group(triggered_at=None), id="never triggered"),
        pytest.param(group(triggered_at=NOW - UNDER_WAY / 2), id="under way"),
        pytest.param(group(monitor_id="../x"), id="no number"),
    ],
)
def test_what_needs_no_taking_in(known: GroupState) -> None:
    assert missed([known], {}, [], now=NOW) == []


@pytest.mark.parametrize(("minutes", "known"), [(0, True), (0.5, True), (10, True), (-5, False)])
def test_a_word_since_it_triggered_is_enough(minutes: float, known: bool) -> None:
    heard = {name_of(group()): LONG_AGO + timedelta(minutes=minutes)}
    assert (missed([group()], heard, [], now=NOW) == []) is known


@pytest.mark.parametrize(
    ("scope", "known"),
    [
        ("host:web-02,service:shop", True),
        ("env:prod,host:web-02,service:shop", True),  # Datadog's words for one group differ in length
        ("host:web-02", True),
        ("host:web-01,service:shop", False),
    ],
)
def test_an_open_problem_that_is_the_same_is_known(scope: str, known: bool) -> None:
    assert (missed([group()], {}, [problem(scope)], now=NOW) == []) is known
    assert missed([group()], {}, [problem(scope, firing=False)], now=NOW) == [group()]


def test_a_problem_that_no_group_has_any_more_is_silent() -> None:
    other = group("host:web-01,service:shop")
    assert silent([other], [problem()], now=NOW) == [problem()]
    assert silent([group()], [problem()], now=NOW) == []


@pytest.mark.parametrize(
    "known",
    [
        problem(open=False),
        problem(firing=False),
        problem(incident=0),  # a proposal
        problem(last_at=NOW - UNDER_WAY / 2),
    ],
)
def test_what_needs_no_asking(known: Problem) -> None:
    assert silent([], [known], now=NOW) == []


@pytest.mark.parametrize("name", ["datadog|0123abcd", "other|7|host:a", "datadog|title Web|host:a", "datadog||", ""])
def test_problems_of_no_monitor_are_left_alone(name: str) -> None:
    assert monitor_of(name) == ""
    assert not is_about(name, group())


STATES: dict[str, tuple[MonitorState | None, str]] = {
    "deleted": (None, "is not there any more"),
    "well": (MonitorState(state="OK", link="", name="Web is out"), "(Web is out) no longer alerts about host:web-02"),
    "another group": (MonitorState(state="Alert", link="", groups=(group("host:web-09"),)), "no longer alerts"),
    "still": (MonitorState(state="Alert", link="", groups=(group(),)), ""),
}


@pytest.mark.parametrize("name", STATES)
def test_people_are_told_why_no_recovery_came_and_what_to_do(name: str) -> None:
    state, told = STATES[name]
    text = what_became(problem(), state)
    assert told in text
    assert bool(text) == bool(told)
    if text:
        assert text.endswith("“check” looks at the server, “resolve” says so.")


@pytest.mark.parametrize(("state", "asked"), [("Alert", False), ("OK", True)])
def test_a_simple_monitor_says_it_as_a_whole(state: str, asked: bool) -> None:
    assert bool(what_became(problem(""), MonitorState(state=state, link=""))) is asked


def test_the_delivery_reads_as_the_webhook_would_have() -> None:
    parsed = parse(delivery_of(group(monitor_tags=("service:shop", "env:prod")), link="https://dd/7"), "D1", NOW)
    (alert,) = parsed.alerts
    assert (alert.monitor_id, alert.transition, alert.title, alert.priority) == ("7", "Triggered", "Web is out", "P2")
    assert (alert.at, alert.hostname, alert.link) == (LONG_AGO, "web-02", "https://dd/7")
    assert alert.scope == ("host:web-02", "service:shop")
    assert alert.tags == ("env:prod", "host:web-02", "service:shop")
    assert parsed.same == parse(delivery_of(group(), link="https://else/7"), "D2", NOW + timedelta(days=1)).same
    assert parsed.same != parse(delivery_of(group(triggered_at=NOW)), "D3", NOW).same


@given(st.text(max_size=300), st.text(max_size=60), st.sampled_from(["alert", "warn", "no data"]))
def test_whatever_a_group_is_called_its_delivery_is_understood(tags: str, title: str, status: str) -> None:
    known = GroupState(
        monitor_id="7", name=tags, status=status, tags=tuple(tags.split(",")), monitor=title, triggered_at=LONG_AGO
    )
    parsed = parse(delivery_of(known), "D", NOW)
    assert parsed.alerts
    assert not parsed.problem
    assert name_of(known)


# ------------------------------------------------------------------ rounds


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class Rounds:
    """A store, an intake and Datadog, and somebody who makes rounds between them."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.metrics = store, Clock(), FakeMetrics()
        self.intake = Intake(store, policy=Policy(), inventory=Inventory(), now=self.clock)
        self.reconcile = self.another()

    def another(self, query: str = "notification:webhook-muster") -> Reconcile:
        receive: Callable[[str, bytes], object] = self.intake.receive
        return Reconcile(store=self.store, metrics=self.metrics, receive=receive, query=query, now=self.clock)

    def alerting(self, *groups: GroupState, complete: bool = True) -> None:
        self.metrics.found = Groups(groups=groups, complete=complete)

    def incident(self, number: int = 1) -> Incident:
        found = self.store.incident(number)
        assert found
        return found


@pytest.fixture
def rounds(store: Store) -> Rounds:
    return Rounds(store)


async def test_a_missed_alert_opens_one_incident_however_often_it_is_found(rounds: Rounds) -> None:
    rounds.alerting(group())
    assert await rounds.reconcile.round()
    assert not await rounds.reconcile.round()
    assert not await rounds.another().round()
    assert len(rounds.store.summaries()) == 1
    (alert,) = rounds.incident().alerts
    assert "webhook never came" in alert.status
    assert rounds.metrics.asked("groups") == ["notification:webhook-muster"] * 3


async def test_a_late_webhook_joins_what_was_found(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    late = delivery_of(group()).replace(b"reconcile-", b"8306082202796")
    rounds.intake.receive("datadog", late)
    assert len(rounds.store.summaries()) == 1
    assert len(rounds.incident().alerts) == 2


async def test_what_a_person_closed_stays_closed_though_it_alerts_on(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    with rounds.store.transaction(incident=1) as tx:
        from bot.facts import Closed, Fact

        tx.append(1, [Fact(key="close", what=Closed(), occurred_at=NOW, recorded_at=NOW)])
    rounds.clock.at += timedelta(hours=2)
    assert not await rounds.another().round()
    assert not rounds.incident().open


async def test_a_missing_recovery_is_asked_about_once_and_closes_nothing(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    rounds.alerting()
    assert await rounds.reconcile.round()
    assert not await rounds.reconcile.round()
    assert not await rounds.another().round()  # another replica, or this one after a crash
    incident = rounds.incident()
    assert (incident.status, len(incident.firing)) == (Status.INVESTIGATING, 1)
    (told,) = [e for e in incident.entries if e.kind is Kind.NOTE]
    assert "its recovery never came" in told.text
    assert [due.args["text"] for due in rounds.store.dues() if due.flow == "report"] == [told.text]


async def test_where_not_all_was_told_nobody_is_asked(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    rounds.alerting(complete=False)
    assert not await rounds.reconcile.round()
    assert rounds.metrics.asked("monitor") == []


async def test_of_a_storm_few_monitors_are_asked_in_one_round(rounds: Rounds) -> None:
    rounds.alerting(*(group(f"host:h{n}", monitor_id=str(n)) for n in range(12)))
    await rounds.reconcile.round()
    rounds.alerting()
    await rounds.reconcile.round()
    assert len(rounds.metrics.asked("monitor")) == 5


async def test_it_is_done_every_few_minutes_by_one_replica(rounds: Rounds) -> None:
    one, other = rounds.another(), rounds.another()
    rounds.alerting(group())
    assert not await one.in_time()  # counting begins
    rounds.clock.at += EVERY
    assert [await one.in_time(), await other.in_time()] == [True, False]
    assert len(rounds.metrics.asked("groups")) == 1


@pytest.mark.parametrize(
    "problem", [TryAgain("Datadog does not answer.", reason="datadog-away"), GaveUp("No.", reason="datadog-refused")]
)
async def test_a_datadog_that_fails_is_logged_once_and_when_it_is_back(
    rounds: Rounds, problem: TryAgain | GaveUp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rounds.metrics.fail["groups"] = [problem, problem]
    await rounds.reconcile.in_time()
    for _ in range(3):
        rounds.clock.at += EVERY
        await rounds.reconcile.in_time()
    assert [r.message for r in caplog.records] == ["reconcile.failing", "reconcile.back"]


async def test_switched_off_it_asks_nobody(rounds: Rounds) -> None:
    off = rounds.another("off")
    for _ in range(2):
        rounds.clock.at += EVERY
        assert not await off.in_time()
    assert rounds.metrics.calls == []
