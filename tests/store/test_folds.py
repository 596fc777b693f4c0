from __future__ import annotations

from contextlib import suppress

from bot.facts import Corrected, Dropped, fold
from bot.store import Store
from bot.store.rows import read_facts
from tests.store.facts import alert, channel, fact, note, open_incident

EVERYTHING = 2**62


def _anew(store: Store, number: int) -> object:
    with store._reading() as connection:
        return fold(number, read_facts(connection, number, until=EVERYTHING))


def test_an_incident_that_grows_elsewhere_is_read_as_it_is(database_url: str) -> None:
    here, there = Store.open(database_url), Store.open(database_url)
    number = open_incident(here, note("n1"))
    assert here.incident(number) == there.incident(number) == _anew(here, number)
    for key, what in {"c": Corrected(entry="E2", text="rolled forward"), "d": Dropped(entry="E1")}.items():
        with there.transaction(incident=number) as transaction:
            transaction.append(number, [fact(key, what, minute=3)])
        assert here.incident(number) == there.incident(number) == _anew(here, number)
    here.close()
    there.close()


def test_what_is_read_may_be_changed_without_changing_what_is_read_next(store: Store) -> None:
    number = open_incident(store, note("n1"), channel("c"))
    first = store.incident(number)
    assert first is not None
    first.entries[0].text = "changed"
    first.entries[0].history.clear()
    first.times.clear()
    first.view.channel = None
    first.view.invited["U1"] = "x"
    assert store.incident(number) == _anew(store, number)


def test_a_fact_that_is_taken_back_leaves_no_trace_though_its_number_is_given_again(store: Store) -> None:
    number = open_incident(store)
    with suppress(ZeroDivisionError), store.transaction(incident=number) as transaction:
        transaction.append(number, [note("lost", "lost")])
        assert transaction.incident(number) is not None
        raise ZeroDivisionError
    with suppress(ZeroDivisionError), store.transaction(intake=True) as transaction:
        transaction.attach(number, alert("lost"))
        assert transaction.incident(number) is not None
        raise ZeroDivisionError
    with store.transaction(incident=number) as transaction:
        transaction.append(number, [note("kept", "kept")])
    incident = store.incident(number)
    assert incident == _anew(store, number)
    assert incident is not None
    assert [e.text for e in incident.entries] == ["Web is out", "kept"]
