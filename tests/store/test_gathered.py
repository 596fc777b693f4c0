from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from bot.facts import Fact
from bot.ports import NotAllowed
from bot.store import Store, schema
from bot.store.connect import connect
from tests.store.facts import alert, closed, note, open_incident

PROBLEMS = [f"datadog|{n}|" for n in range(4)]


def _alerts(chance: Random, which: list[str], n: int) -> list[Fact]:
    return [
        alert(
            f"{which[0]}/{n}/{m}",
            fingerprint=chance.choice(which),
            bad=chance.random() < 0.5,
            minute=chance.randrange(6),
            cycle_key=str(chance.randrange(2)),
        )
        for m in range(chance.randrange(1, 5))
    ]


def _derived(url: str) -> Any:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            problems = connection.execute(select(schema.problem).order_by("incident", "fingerprint")).all()
            return problems, connection.execute(select(schema.incident).order_by("number")).all()
    finally:
        engine.dispose()


@pytest.mark.parametrize("seed", range(5))
def test_alerts_that_are_written_together_are_as_if_one_by_one(store: Store, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - an order that can be repeated, no secret
    incidents = {open_incident(store): PROBLEMS[:2], open_incident(store): PROBLEMS[2:]}
    for n in range(8):
        with store.transaction(intake=True) as transaction:
            for _ in range(2):
                for number, which in incidents.items():
                    for fact in _alerts(chance, which, n):
                        transaction.attach(number, fact)
    for number in incidents:
        incident = store.incident(number)
        assert incident is not None
        assert len(incident.alerts) > 8
    before = _derived(store.url)
    store.rebuild()
    assert _derived(store.url) == before


def test_what_was_kept_back_is_seen_by_who_asks(store: Store) -> None:
    number = open_incident(store)
    with store.transaction(intake=True) as transaction:
        transaction.attach(number, alert("a"))
        transaction.append(number, [note("n")])
        incident = transaction.incident(number)
    assert incident is not None
    assert len(incident.alerts) == 1
    assert incident == store.incident(number)


def test_an_alert_that_is_known_is_passed_over(store: Store) -> None:
    number = open_incident(store, alert("a"), closed("c"))
    with store.transaction(intake=True) as transaction:
        transaction.attach(number, alert("a", bad=False, minute=9))
        transaction.attach(number, alert("b", minute=2))
        transaction.attach(number, alert("b", minute=2))
    incident = store.incident(number)
    assert incident is not None
    assert [a.delivery for a in incident.alerts] == ["d-a", "d-b"]


def test_all_that_was_kept_back_is_on_disk_or_nothing(store: Store) -> None:
    number = open_incident(store)
    with suppress(ZeroDivisionError), store.transaction(intake=True) as transaction:
        transaction.attach(number, alert("a"))
        transaction.due("a/check", "check", number)
        raise ZeroDivisionError
    with pytest.raises(NotAllowed, match="INC-99"), store.transaction(intake=True) as transaction:  # noqa: PT012 - at its end
        transaction.due("b/check", "check", number)
        transaction.attach(99, alert("b"))
    assert store.dues() == []
    incident = store.incident(number)
    assert incident is not None
    assert incident.alerts == []
