from __future__ import annotations

from datetime import timedelta

import pytest

from bot.facts import Reopened
from bot.ports import TryAgain
from bot.store import Store
from tests.store.facts import NOW, alert, closed, fact, open_incident

LONG_AGO = NOW - timedelta(days=365)


def _append(store: Store, number: int, *facts: object) -> None:
    with store.transaction(incident=number) as transaction:
        transaction.append(number, facts)  # type: ignore[arg-type]


def test_an_attached_alert_is_the_incidents_problem_as_last_heard_of(store: Store) -> None:
    number = open_incident(store, alert("1", cycle_key="k", place="shop"))
    _append(store, number, alert("3", bad=False, minute=3, cycle_key="k", place="shop"))
    _append(store, number, alert("2", bad=True, minute=2, cycle_key="k", place="shop"))
    with store.transaction() as transaction:
        (problem,) = transaction.problems(LONG_AGO)
    assert (problem.incident, problem.cycle, problem.place) == (number, "datadog|k", "shop")
    assert (problem.firing, problem.open) == (False, True)
    assert problem.last_at == NOW + timedelta(minutes=3)


def test_a_second_open_incident_for_a_problem_is_refused(store: Store) -> None:
    open_incident(store, alert("1"))
    with pytest.raises(TryAgain, match="already has this problem") as refused:
        open_incident(store, alert("2"))
    assert refused.value.reason == "conflict"
    assert len(store.summaries()) == 1


def test_a_closed_incident_leaves_its_problem_to_a_new_one(store: Store) -> None:
    first = open_incident(store, alert("1"), closed("c"))
    second = open_incident(store, alert("2", minute=10))
    with store.transaction() as transaction:
        problems = transaction.problems(LONG_AGO)
    assert [(p.incident, p.open) for p in problems] == [(second, True), (first, False)]
    with store.transaction() as transaction:
        assert [p.incident for p in transaction.problems(NOW + timedelta(minutes=6))] == [second]


def test_a_reopened_incident_gives_way_to_the_one_that_has_its_problem_now(store: Store) -> None:
    first = open_incident(store, alert("1"), closed("c"))
    second = open_incident(store, alert("2", minute=10))
    _append(store, first, fact("r", Reopened(), minute=11))
    _append(store, first, alert("3", minute=12))
    with store.transaction() as transaction:
        assert [(p.incident, p.open) for p in transaction.problems(LONG_AGO)] == [(second, True), (first, True)]
    _append(store, second, closed("c2", minute=13))
    _append(store, second, fact("r2", Reopened(), minute=14))


def test_an_alert_without_a_fingerprint_is_no_problem(store: Store) -> None:
    open_incident(store, alert("1", fingerprint=""))
    with store.transaction() as transaction:
        assert transaction.problems(LONG_AGO) == []
