from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest

from bot.alert import Alert, Condition
from bot.ports import TryAgain
from bot.store import Delivery, Store
from bot.triage.judge import Ruling, judge
from bot.triage.known import Known
from tests.store.facts import NOW, alert, note, open_incident, opened

AT_ONCE = 8
T = TypeVar("T")


def _together(work: Callable[[Store, int], T], *stores: Store) -> list[T]:
    barrier = Barrier(AT_ONCE)

    def run(n: int) -> T:
        barrier.wait()
        return work(stores[n % len(stores)], n)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


@pytest.fixture
def pair(database_url: str) -> list[Store]:
    """Two stores on one database, as two replicas have them."""
    return [Store.open(database_url), Store.open(database_url)]


def _receive(store: Store, name: str) -> Ruling:
    received = Alert(delivery=name, source="datadog", title="", at=NOW, condition=Condition.FIRING, monitor_id="1")
    with store.transaction(intake=True) as transaction:
        decision = judge(received, Known(problems=transaction.problems(NOW)), place="shop")
        number = decision.incident or transaction.new_incident()
        first = [] if decision.incident else [opened(f"open/{name}")]
        transaction.append(number, [*first, alert(name, fingerprint=received.fingerprint)])
    return decision.ruling


def test_deliveries_at_the_same_instant_open_one_incident(pair: list[Store]) -> None:
    rulings = _together(lambda store, n: _receive(store, f"d{n}"), *pair)
    assert sorted(str(ruling) for ruling in rulings) == ["attach"] * 7 + ["open"]
    incident = pair[0].incident(1)
    assert incident is not None
    assert len(incident.alerts) == AT_ONCE
    assert len(pair[1].summaries()) == 1
    _close(pair)


def test_even_whoever_forgets_to_take_turns_cannot_open_a_problem_twice(pair: list[Store]) -> None:
    def careless(store: Store, n: int) -> bool:
        try:
            with store.transaction(intake=True) as transaction:
                number = transaction.new_incident()
                transaction.append(number, [opened(f"o{n}")])
            with store.transaction() as transaction:
                transaction.append(number, [alert(f"a{n}")])
        except TryAgain:
            return False
        return True

    assert _together(careless, *pair).count(True) == 1
    _close(pair)


def test_one_delivery_received_many_times_at_once_is_kept_once(pair: list[Store]) -> None:
    def receive(store: Store, n: int) -> Delivery:
        delivery = Delivery(id=f"d{n}", source="datadog", dedupe="same", received_at=NOW, body=b"{}")
        with store.transaction(intake=True) as transaction:
            return transaction.deliver(delivery)[0]

    answers = _together(receive, *pair)
    assert len({answer.id for answer in answers}) == 1
    assert [answer.duplicate for answer in answers].count(False) == 1
    _close(pair)


def test_an_intent_is_first_for_one_of_many(pair: list[Store]) -> None:
    assert _together(lambda store, _: store.first("post"), *pair).count(True) == 1
    _close(pair)


def test_people_who_speak_at_once_are_all_recorded_in_one_order(pair: list[Store]) -> None:
    number = open_incident(pair[0])

    def speak(store: Store, n: int) -> None:
        for word in range(5):
            with store.transaction(incident=number) as transaction:
                transaction.append(number, [note(f"{n}/{word}", f"{n}/{word}")])

    _together(speak, *pair)
    incident = pair[1].incident(number)
    assert incident is not None
    assert [entry.id for entry in incident.entries] == [f"E{n}" for n in range(1, 5 * AT_ONCE + 2)]
    assert len({entry.text for entry in incident.entries}) == 5 * AT_ONCE + 1
    _close(pair)


def _close(stores: list[Store]) -> None:
    for store in stores:
        store.close()
