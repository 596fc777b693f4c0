from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.facts import AlertAttached, Fact, Imported, Joined, fold
from bot.ports import TryAgain
from bot.store import Store, schema
from bot.store.connect import connect
from tests.store.facts import NOW
from tests.values import FACTS

RUNS = count()
SLOTS = 2
STEPS = st.lists(st.tuples(st.integers(0, SLOTS - 1), st.lists(FACTS, min_size=1, max_size=4)), max_size=6)
"""Which incident, and what is appended to it in one transaction."""


@pytest.fixture
def derived(database_url: str) -> Iterator[Any]:
    """Reads both derived tables."""
    engine = connect(database_url)

    def read() -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            rows = [connection.execute(select(table)).all() for table in (schema.incident, schema.problem)]
        return sorted((tuple(row) for table in rows for row in table), key=repr)

    yield read
    engine.dispose()


def _of_this_run(fact: Fact, run: int) -> Fact:
    """The same fact with a key and about problems that no other run has."""
    fact = replace(fact, key=f"{run} {fact.key}")
    if isinstance(fact.what, AlertAttached):
        alert = replace(fact.what.alert, fingerprint=f"{run} {fact.what.alert.fingerprint[:1]}")
        return replace(fact, what=AlertAttached(alert=alert))
    if isinstance(fact.what, Joined):
        joined = [replace(alert, fingerprint=f"{run} {alert.fingerprint[:1]}") for alert in fact.what.alerts]
        return replace(fact, what=replace(fact.what, alerts=tuple(joined)))
    if isinstance(fact.what, Imported):
        alerts = [alert | {"fingerprint": f"{run} x"} for alert in fact.what.record["alerts"]]
        return replace(fact, what=Imported(record={**fact.what.record, "alerts": alerts}))
    return fact


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_derived_step_by_step_is_what_all_facts_say(store: Store, derived: Any, steps: Any) -> None:
    run = next(RUNS)
    with store.transaction(intake=True) as transaction:
        numbers = [transaction.new_incident() for _ in range(SLOTS)]
    for slot, facts in steps:
        with suppress(TryAgain), store.transaction(incident=numbers[slot]) as transaction:
            transaction.append(numbers[slot], [_of_this_run(fact, run) for fact in facts])
    before = derived()
    store.rebuild()
    assert derived() == before
    summaries = {summary.number: summary for summary in store.summaries()}
    for number in numbers:
        if incident := store.incident(number):
            summary = summaries[number]
            assert (summary.status, summary.opened_at) == (incident.status, incident.opened_at)
            assert summary.closed_at == incident.closed_at


@given(facts=st.lists(FACTS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_kind_of_fact_comes_back_from_the_database(store: Store, facts: list[Fact]) -> None:
    run = next(RUNS)
    facts = [_of_this_run(fact, run) for fact in facts]
    with store.transaction(intake=True) as transaction:
        number = transaction.new_incident()
        assert transaction.append(number, facts) == len({fact.key for fact in facts})
        assert transaction.append(number, facts) == 0
    kept = [_storable(fact) for fact in {fact.key: fact for fact in reversed(facts)}.values()]
    assert store.incident(number) == fold(number, reversed(kept))


def _storable(fact: Fact) -> Fact:
    """Names and addresses lose what no database takes; what was said is kept as it is."""

    def text(words: str) -> str:
        return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()

    author = replace(fact.author, id=text(fact.author.id), name=text(fact.author.name))
    source = replace(fact.source, type=text(fact.source.type), url=text(fact.source.url))
    return replace(fact, author=author, source=source)


def _add_raw(url: str, number: int, kind: str, data: dict[str, Any]) -> None:
    engine = connect(url)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        row = {"incident": number, "key": f"raw {kind}", "kind": kind, "data": data, "recorded_at": NOW}
        row |= {"author_id": "", "author_name": "", "source_type": "bot", "source_url": ""}
        connection.execute(schema.fact.insert().values(row))
    engine.dispose()


def test_facts_of_older_and_newer_versions_are_read(store: Store, database_url: str) -> None:
    with store.transaction(intake=True) as transaction:
        number = transaction.new_incident()
    _add_raw(database_url, number, "Opened", {"title": "Web is out", "severity": "SEV2", "mood": "calm"})
    _add_raw(database_url, number, "Told", {"kind": "note", "text": "rolled back"})
    _add_raw(database_url, number, "Foretold", {"text": "a kind of a later version"})
    _add_raw(database_url, number, "StatusSet", {"status": "a word of a later version"})
    store.rebuild()
    incident = store.incident(number)
    assert incident is not None
    assert [entry.text for entry in incident.entries] == ["Web is out", "rolled back"]
    assert list(incident.troubles) == ["read raw Foretold", "read raw StatusSet"]
    assert "another version" in incident.troubles["read raw Foretold"].text
    assert store.summaries()[0].opened_at == NOW


def test_times_come_out_as_they_went_in_to_the_microsecond(store: Store) -> None:
    at = NOW + timedelta(microseconds=1)
    store.keep_known_good("web-1", commit="", tree="", at=at)
    good = store.known_good("web-1")
    assert good is not None
    assert good.recorded_at == at
    with pytest.raises(Exception, match="without a zone"):
        store.keep_known_good("web-1", commit="", tree="", at=at.replace(tzinfo=None))
