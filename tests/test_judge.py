"""Which incident an alert belongs to: tables of cases, each introduced by a sentence."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alert import Alert, Condition
from bot.judge import Decision, Problem, Ruling, judge

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
WINDOW, COOL_OFF = timedelta(minutes=15), timedelta(minutes=30)
ALERT = Alert(
    delivery="D1",
    source="datadog",
    title="Down",
    at=NOW,
    condition=Condition.FIRING,
    transition="Triggered",
    monitor_id="1",
    cycle_key="k",
    scope=("host:web-02",),
)
OPEN = Problem(
    incident=7,
    fingerprint=ALERT.fingerprint,
    cycle=ALERT.cycle,
    place="group shop-web",
    firing=True,
    open=True,
    last_at=NOW - timedelta(minutes=5),
)
CLOSED = replace(OPEN, open=False, firing=False)
OTHER = replace(OPEN, fingerprint="datadog|2|", cycle="datadog|z", incident=3)


def decide(alert: Alert, *problems: Problem, place: str = "group shop-web", unwanted: str = "") -> Decision:
    return judge(alert, problems, place=place, window=WINDOW, cool_off=COOL_OFF, unwanted=unwanted)


def changed(**words: Any) -> Alert:
    return replace(ALERT, **words)


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


@pytest.mark.parametrize("condition", [c for c in Condition if c.bad])
def test_a_problem_that_no_incident_has_opens_one_even_by_its_reminder(condition: Condition) -> None:
    decision = decide(changed(condition=condition))
    assert (decision.ruling, decision.incident, decision.news) == (Ruling.OPEN, None, True)


@pytest.mark.parametrize(
    ("alert", "reason"),
    [
        pytest.param(changed(test=True), "a test notification", id="somebody pressed the test button"),
        pytest.param(changed(condition=Condition.RECOVERED), "a recovery of nothing", id="we never knew of it"),
        pytest.param(changed(condition=Condition.OTHER, transition="Null"), "unknown transition 'Null'", id="new word"),
    ],
)
def test_what_opens_nothing(alert: Alert, reason: str) -> None:
    decision = decide(alert)
    assert (decision.ruling, decision.incident, decision.news) == (Ruling.IGNORE, None, False)
    assert reason in decision.reason


@pytest.mark.parametrize("alert", [changed(test=True), changed(condition=Condition.OTHER)])
def test_a_test_or_an_unknown_word_touches_no_open_incident(alert: Alert) -> None:
    assert decide(alert, OPEN).ruling is Ruling.IGNORE  # attached, it would count as a recovery


@pytest.mark.parametrize(
    ("alert", "problem", "reason", "news"),
    [
        pytest.param(changed(condition=Condition.REMINDER), OPEN, "same monitor and scope", False, id="said again"),
        pytest.param(changed(condition=Condition.WARNING), OPEN, "same monitor and scope", False, id="a little better"),
        pytest.param(changed(condition=Condition.RECOVERED), OPEN, "same monitor and scope", True, id="it is over"),
        pytest.param(changed(cycle_key="k2"), OPEN, "same monitor and scope", False, id="a new episode"),
        pytest.param(ALERT, replace(OPEN, firing=False), "same monitor and scope", True, id="it is back"),
        pytest.param(changed(cycle_key=""), OPEN, "same monitor and scope", False, id="no cycle is named"),
        pytest.param(changed(scope=("host:web-03",)), OPEN, "same alert cycle", True, id="another group, same cycle"),
    ],
)
def test_what_an_open_incident_has_goes_there(alert: Alert, problem: Problem, reason: str, news: bool) -> None:
    decision = decide(alert, problem, place="")
    assert (decision.ruling, decision.incident, decision.news) == (Ruling.ATTACH, 7, news)
    assert decision.reason == reason


def test_a_late_word_is_kept_but_is_no_news() -> None:
    recovered = replace(OPEN, firing=False, last_at=minutes(2))
    decision = decide(ALERT, recovered)
    assert (decision.ruling, decision.news) == (Ruling.ATTACH, False)
    assert "older than the last word on it (10:32:00 UTC)" in decision.reason


@pytest.mark.parametrize(
    ("alert", "news"),
    [
        pytest.param(ALERT, False, id="of one cycle, the end is the last word"),
        pytest.param(changed(cycle_key="k2"), True, id="of two cycles, the newer"),
    ],
)
def test_a_trigger_at_the_very_instant_of_a_recovery(alert: Alert, news: bool) -> None:
    assert decide(alert, replace(OPEN, firing=False, last_at=NOW)).news is news


def test_the_same_problem_is_surer_than_the_same_cycle() -> None:
    """A problem has one open incident, so that attaching it to another one could never be stored."""
    cycle = replace(OTHER, cycle=ALERT.cycle)
    assert decide(ALERT, cycle, OPEN).incident == 7


@pytest.mark.parametrize(
    ("problem", "ruling", "incident"),
    [
        pytest.param(OTHER, Ruling.ATTACH, 3, id="a neighbour within the window"),
        pytest.param(replace(OTHER, firing=False), Ruling.ATTACH, 3, id="a neighbour that recovered just now"),
        pytest.param(replace(OTHER, last_at=minutes(-16)), Ruling.OPEN, None, id="too long ago"),
        pytest.param(replace(OTHER, last_at=minutes(16)), Ruling.OPEN, None, id="too long afterwards: we are late"),
        pytest.param(replace(OTHER, place="group shop-db"), Ruling.OPEN, None, id="somewhere else"),
        pytest.param(replace(OTHER, open=False), Ruling.OPEN, None, id="that incident is closed"),
    ],
)
def test_neighbours_meet_in_one_incident(problem: Problem, ruling: Ruling, incident: int | None) -> None:
    decision = decide(ALERT, problem)
    assert (decision.ruling, decision.incident, decision.news) == (ruling, incident, True)


def test_alerts_without_a_place_have_no_neighbours() -> None:
    assert decide(ALERT, replace(OTHER, place=""), place="").ruling is Ruling.OPEN


def test_the_nearest_neighbour_wins() -> None:
    older = replace(OTHER, incident=4, fingerprint="datadog|3|", last_at=minutes(-9))
    assert decide(ALERT, older, OTHER).incident == decide(ALERT, OTHER, older).incident == 3


@pytest.mark.parametrize(
    ("alert", "problem", "ruling", "incident"),
    [
        pytest.param(ALERT, CLOSED, Ruling.REOPEN, 7, id="again within the cool-off: the same incident"),
        pytest.param(
            ALERT, replace(CLOSED, last_at=minutes(-31)), Ruling.OPEN, None, id="recovered long ago: a new one"
        ),
        pytest.param(
            changed(transition="Re-Triggered"), replace(CLOSED, firing=True), Ruling.REOPEN, 7, id="never well"
        ),
        pytest.param(changed(condition=Condition.REMINDER), CLOSED, Ruling.ATTACH, 7, id="a reminder wakes nobody"),
        pytest.param(changed(condition=Condition.RECOVERED), replace(CLOSED, firing=True), Ruling.ATTACH, 7, id="well"),
        pytest.param(ALERT, replace(CLOSED, last_at=minutes(1)), Ruling.ATTACH, 7, id="a late word wakes nobody"),
    ],
)
def test_a_problem_whose_incident_was_closed(
    alert: Alert, problem: Problem, ruling: Ruling, incident: int | None
) -> None:
    decision = decide(alert, problem)
    assert (decision.ruling, decision.incident) == (ruling, incident)
    assert decision.news is (ruling is not Ruling.ATTACH)


def test_people_are_at_work_in_the_open_incident_so_it_comes_before_the_closed_one() -> None:
    assert decide(ALERT, OTHER, CLOSED).incident == 3
    assert decide(ALERT, replace(OPEN, incident=9), CLOSED).incident == 9


@pytest.mark.parametrize(
    ("alert", "problem", "ruling"),
    [
        pytest.param(ALERT, None, Ruling.IGNORE, id="new"),
        pytest.param(ALERT, OTHER, Ruling.IGNORE, id="a neighbour of something open"),
        pytest.param(ALERT, CLOSED, Ruling.IGNORE, id="of a closed incident"),
        pytest.param(ALERT, OPEN, Ruling.ATTACH, id="an open incident has it already"),
        pytest.param(changed(condition=Condition.RECOVERED), OPEN, Ruling.ATTACH, id="and hears of its recovery"),
        pytest.param(changed(condition=Condition.RECOVERED), CLOSED, Ruling.ATTACH, id="so does a closed one"),
    ],
)
def test_what_people_do_not_want_to_hear_of(alert: Alert, problem: Problem | None, ruling: Ruling) -> None:
    decision = decide(alert, *([problem] if problem else []), unwanted="rule 2 of the policy (ignore)")
    assert decision.ruling is ruling
    assert (decision.reason == "rule 2 of the policy (ignore)") is (ruling is Ruling.IGNORE)


MOMENTS = st.integers(-40, 40).map(minutes)
ALERTS = st.builds(
    replace,
    st.just(ALERT),
    condition=st.sampled_from(Condition),
    at=MOMENTS,
    cycle_key=st.sampled_from(["", "k", "z"]),
    monitor_id=st.sampled_from("123"),
    test=st.booleans(),
)
PROBLEMS = st.lists(
    st.builds(
        replace,
        st.just(OPEN),
        fingerprint=st.sampled_from([f"datadog|{n}|host:web-02" for n in range(1, 9)]),
        cycle=st.sampled_from(["", "datadog|k", "datadog|z"]),
        place=st.sampled_from(["", "group shop-web", "group shop-db"]),
        firing=st.booleans(),
        open=st.booleans(),
        last_at=MOMENTS,
        incident=st.integers(1, 5),
    ),
    max_size=6,
    unique_by=lambda p: (p.fingerprint, p.open),
)


@settings(deadline=None)
@given(ALERTS, PROBLEMS, st.randoms(use_true_random=False))
def test_the_order_of_the_problems_does_not_matter(alert: Alert, problems: list[Problem], dice: random.Random) -> None:
    shuffled = list(problems)
    dice.shuffle(shuffled)
    one, other = decide(alert, *problems), decide(alert, *shuffled)
    assert (one.ruling, one.incident) == (other.ruling, other.incident)


@settings(deadline=None)
@given(ALERTS, PROBLEMS)
def test_every_ruling_is_explained_and_names_an_incident_that_is_there(alert: Alert, problems: list[Problem]) -> None:
    decision = decide(alert, *problems)
    assert decision.reason
    homes = {p.incident for p in problems}
    assert (decision.incident in homes) is (decision.ruling in {Ruling.ATTACH, Ruling.REOPEN})
    if not alert.condition.bad or alert.test:
        assert decision.ruling in {Ruling.IGNORE, Ruling.ATTACH}
