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
from bot.triage.judge import Decision, Ruling, judge, late, same_place, starts
from bot.triage.known import Known, Limits, Past, Problem, Wanted
from bot.triage.reasons import WORDS, Why

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


LIMITS = Limits(window=WINDOW, cool_off=COOL_OFF, cycles=3, within=timedelta(minutes=15), per_hour=4)


TO_OPEN = Wanted()


def decide(
    alert: Alert, *problems: Problem, place: str = "group shop-web", wanted: Wanted = TO_OPEN, **known: Any
) -> Decision:
    return judge(alert, Known(problems=problems, **known), place=place, limits=LIMITS, wanted=wanted)


def past(*words: tuple[float, Condition], cycle: str = ALERT.cycle) -> list[Past]:
    """What was said before, in minutes from NOW."""
    return [Past(at=minutes(minute), condition=condition, cycle=cycle) for minute, condition in words]


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
        pytest.param(
            changed(condition=Condition.REMINDER), OPEN, "same monitor and scope, said again", False, id="said again"
        ),
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
    rule = Wanted(do="ignore", named="rule 2 of the policy (ignore)")
    decision = decide(alert, *([problem] if problem else []), wanted=rule)
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


# ------------------------------------------------------------------ every reason by its name

WAITING = replace(OPEN, incident=0, proposal="P1")
PROPOSE = Wanted(do="propose", named="rule 3 of the policy (propose)")
FLAPS = past((-9, Condition.FIRING), (-7, Condition.RECOVERED), (-5, Condition.FIRING), (-3, Condition.RECOVERED))
WELL = replace(OPEN, firing=False, last_at=minutes(-3))

CASES = {
    "nothing is known": (Why.NEW, decide(ALERT)),
    "recovered long ago": (Why.AFTER_COOL_OFF, decide(ALERT, replace(CLOSED, last_at=minutes(-31)))),
    "it goes on": (Why.SAME_PROBLEM, decide(ALERT, OPEN)),
    "another group of the cycle": (Why.SAME_CYCLE, decide(changed(scope=("host:web-03",)), OPEN, place="")),
    "a neighbour": (Why.SAME_PLACE, decide(ALERT, OTHER)),
    "again after closing": (Why.AGAIN, decide(ALERT, CLOSED)),
    "too many incidents": (Why.STORM, decide(ALERT, opened=4)),
    "too many, and a storm is open": (Why.STORM, decide(ALERT, opened=9, storm=5)),
    "too many proposals": (
        Why.STORM,
        decide(changed(monitor_id="7", cycle_key=""), WAITING, place="x", wanted=PROPOSE, proposed=4),
    ),
    "said again": (Why.REMINDER, decide(changed(condition=Condition.REMINDER), OPEN)),
    "an older word": (Why.LATE, decide(ALERT, replace(OPEN, firing=False, last_at=minutes(2)))),
    "the third time in a quarter of an hour": (Why.FLAPPING, decide(ALERT, WELL, past=FLAPS)),
    "and well again": (
        Why.FLAPPING,
        decide(changed(condition=Condition.RECOVERED), OPEN, past=[*FLAPS, *past((-1, Condition.FIRING))]),
    ),
    "over before we heard of it": (Why.ENDED, decide(ALERT, past=past((1, Condition.RECOVERED)))),
    "well, of nothing": (Why.NOTHING_OPEN, decide(changed(condition=Condition.RECOVERED))),
    "well, of a closed one": (Why.CLOSED, decide(changed(condition=Condition.RECOVERED), CLOSED)),
    "a rule": (Why.RULE, decide(ALERT, wanted=Wanted(do="ignore", named="rule 1"))),
    "people said no": (Why.DISMISSED, decide(ALERT, replace(WAITING, open=False, dismissed=True), wanted=PROPOSE)),
    "a test": (Why.TEST, decide(changed(test=True))),
    "another word": (Why.UNKNOWN, decide(changed(condition=Condition.OTHER))),
}


@pytest.mark.parametrize("case", CASES)
def test_every_verdict_has_a_named_reason(case: str) -> None:
    why, decision = CASES[case]
    assert decision.why is why
    assert decision.reason


def test_the_reasons_that_are_not_the_judges_are_those_of_people_and_of_the_door() -> None:
    others = {Why.DUPLICATE, Why.NOT_UNDERSTOOD, Why.MERGED, Why.SPLIT, Why.ACCEPTED}
    assert {why for why, _ in CASES.values()} | others == set(Why) == set(WORDS)


@pytest.mark.parametrize(
    ("known", "ruling", "incident", "proposal"),
    [
        pytest.param({}, Ruling.PROPOSE, None, "", id="nobody was asked yet"),
        pytest.param({"problems": [WAITING]}, Ruling.PROPOSE, None, "P1", id="people are being asked"),
        pytest.param({"problems": [replace(WAITING, fingerprint="x")]}, Ruling.PROPOSE, None, "P1", id="in this place"),
        pytest.param(
            {"problems": [replace(WAITING, open=False, firing=False)]}, Ruling.PROPOSE, None, "P1", id="lately"
        ),
        pytest.param(
            {"problems": [replace(WAITING, open=False, firing=False, last_at=minutes(-31))]},
            Ruling.PROPOSE,
            None,
            "",
            id="long ago",
        ),
        pytest.param({"problems": [OPEN]}, Ruling.ATTACH, 7, "", id="an incident has it"),
        pytest.param({"problems": [OTHER]}, Ruling.ATTACH, 3, "", id="an incident is here"),
        pytest.param({"problems": [CLOSED]}, Ruling.REOPEN, 7, "", id="an incident had it"),
    ],
)
def test_what_is_to_be_proposed(known: dict[str, Any], ruling: Ruling, incident: int | None, proposal: str) -> None:
    found = Known(**known)
    decision = judge(ALERT, found, place="group shop-web", limits=LIMITS, wanted=PROPOSE)
    assert (decision.ruling, decision.incident, decision.proposal) == (ruling, incident, proposal)


def test_what_is_to_be_opened_takes_the_proposal_along() -> None:
    for waiting in (WAITING, replace(WAITING, fingerprint="datadog|9|", cycle="x")):
        decision = decide(ALERT, waiting)
        assert (decision.ruling, decision.incident, decision.proposal) == (Ruling.OPEN, None, "P1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("service shop", "service shop", True),
        ("service shop", "service shop prod", True),
        ("service shop prod", "service shop", True),
        ("service shop prod", "service shop test", False),
        ("service shop", "service shopping", False),
        ("", "", False),
        ("", "service shop", False),
    ],
)
def test_an_environment_that_nobody_names_may_be_any(one: str, other: str, same: bool) -> None:
    assert same_place(one, other) is same


def test_how_often_a_problem_began() -> None:
    words = past(
        (0, Condition.FIRING),
        (1, Condition.REMINDER),
        (2, Condition.WARNING),
        (3, Condition.RECOVERED),
        (4, Condition.RECOVERED),
        (5, Condition.NO_DATA),
        (6, Condition.FIRING),
    )
    assert starts(words) == [minutes(0), minutes(5)]
    assert starts([]) == []


# ------------------------------------------------------------------ whatever comes, in whatever order


class Book:
    """What intake and store make of the decisions, without either."""

    def __init__(self) -> None:
        self.problems: dict[tuple[int, str], Problem] = {}
        self.past: dict[str, list[Past]] = {}
        self.incidents = 0

    def take(self, alert: Alert) -> Decision:
        name = alert.fingerprint
        problems = sorted(self.problems.values(), key=lambda p: (p.open, p.last_at, p.incident), reverse=True)
        known = Known(problems=problems, past=self.past.get(name, []))
        decision = judge(alert, known, place="here" if alert.monitor_id == "1" else "", limits=LIMITS)
        number = decision.incident
        if decision.ruling is Ruling.OPEN:
            self.incidents += 1
            number = self.incidents
        if number is not None:
            before = self.problems.get((number, name))
            if before is None or not late(alert, before, known.past):
                self.problems[number, name] = Problem(
                    incident=number,
                    fingerprint=name,
                    cycle=alert.cycle,
                    place="here" if alert.monitor_id == "1" else "",
                    firing=alert.condition.bad,
                    open=True,
                    last_at=alert.at,
                )
        self.past.setdefault(name, []).append(Past(at=alert.at, condition=alert.condition, cycle=alert.cycle))
        return decision

    @property
    def firing(self) -> set[str]:
        return {p.fingerprint for p in self.problems.values() if p.firing}


@st.composite
def courses(draw: st.DrawFn) -> list[Alert]:
    """Some problems that come and go, each with its own instants and cycles."""
    found = []
    for monitor in draw(st.sets(st.sampled_from("123"), min_size=1)):
        times = sorted(draw(st.sets(st.integers(0, 60), min_size=1, max_size=8)))
        cycle = 0
        for time in times:
            condition = draw(
                st.sampled_from([Condition.FIRING, Condition.RECOVERED, Condition.WARNING, Condition.REMINDER])
            )
            one = changed(monitor_id=monitor, at=minutes(time), cycle_key=f"{monitor}/{cycle}", condition=condition)
            found.append(one)
            cycle += condition is Condition.RECOVERED
    return found


@given(courses(), st.randoms(use_true_random=False))
def test_in_any_order_the_newest_word_holds_and_no_problem_has_two_incidents(
    course: list[Alert], dice: random.Random
) -> None:
    newest = {one.fingerprint: one for one in sorted(course, key=lambda a: a.at)}
    shuffled = list(course)
    dice.shuffle(shuffled)
    book = Book()
    for one in shuffled:
        book.take(one)
        homes = [p.fingerprint for p in book.problems.values() if p.open]
        assert len(homes) == len(set(homes))
    assert book.firing == {name for name, one in newest.items() if one.condition.bad}


@given(courses())
def test_a_word_that_was_heard_changes_nothing_when_it_is_heard_again(course: list[Alert]) -> None:
    book = Book()
    for one in course:
        book.take(one)
        before, incidents = dict(book.problems), book.incidents
        again = book.take(one)
        assert (book.problems, book.incidents, again.news) == (before, incidents, False)


@st.composite
def instants(draw: st.DrawFn) -> list[Alert]:
    """Several words of up to three cycles of one problem, all of one instant, in any order."""
    words = st.tuples(st.sampled_from("abc"), st.sampled_from([Condition.FIRING, Condition.RECOVERED]))
    told = draw(st.lists(words, min_size=1, max_size=6, unique=True))
    return [changed(at=minutes(0), cycle_key=cycle, condition=condition) for cycle, condition in told]


@given(instants())
def test_of_one_instant_it_fires_if_one_cycle_was_not_ended(words: list[Alert]) -> None:
    book = Book()
    for one in words:
        book.take(one)
    ended = {one.cycle for one in words if not one.condition.bad}
    assert bool(book.firing) == any(one.condition.bad and one.cycle not in ended for one in words)


def test_a_count_that_is_cut_says_at_least() -> None:
    coming_and_going = past(*((n / 2, Condition.RECOVERED if n % 2 else Condition.FIRING) for n in range(-12, 0)))
    told = [
        judge(ALERT, Known(problems=[replace(OPEN, firing=False)], past=coming_and_going, all_past=whole), place="")
        for whole in (True, False)
    ]
    assert [d.reason.partition("flapping: ")[2] for d in told] == ["7 times in 15 min", "at least 7 times in 15 min"]
