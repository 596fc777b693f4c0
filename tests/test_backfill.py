"""A timeline brought into an incident: each row once, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot.backfill import Brought, bring
from bot.facts import Closed
from bot.incident import Kind, Person, Precision
from bot.ports import NotAllowed
from bot.store import Store
from bot.timeline_file import read
from tests.talk import Talk, open_incident

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FILE = """# Web two is out
All times in EAT
10:30am – Detected: the alert fired
??:?? somebody looked
11.15am – restored
02-03-2024 12:00 not sure which day
no time here
"""


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    found = Store.open(sqlite_url)
    yield found
    found.close()


def brought(store: Store, text: str = FILE, *, into: int | None = None, file: str = "notes") -> Brought:
    return bring(store, read(text, zone=UTC, now=NOW), file=file, into=into, severity="SEV3", now=NOW)


def test_a_new_incident_is_as_old_as_its_first_row(store: Store) -> None:
    told = brought(store)
    incident = store.incident(1)
    assert incident is not None
    assert (told.incident, told.title, told.opened) == ("INC-1", "Web two is out", True)
    assert incident.opened_at == datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
    assert (incident.detected_at, incident.acknowledged_at) == (incident.opened_at, None)
    assert [(e.kind, e.precision, e.typed) for e in incident.timeline] == [
        (Kind.OPENED, Precision.MINUTE, ""),
        (Kind.DETECTED, Precision.MINUTE, "10:30am"),
        (Kind.NOTE, Precision.UNKNOWN, "??:??"),
        (Kind.NOTE, Precision.MINUTE, "11.15am"),
        (Kind.NOTE, Precision.UNKNOWN, "02-03-2024 12:00"),
        (Kind.NOTE, Precision.UNKNOWN, ""),
    ]
    assert {e.source.type for e in incident.entries} == {"import"}
    assert [question.partition(":")[0] for question in told.questions] == ["line 6", "line 7"]
    assert "then say: INC-1 fix E5 at TIME" in told.questions[0]


def test_without_a_title_the_file_names_it(store: Store) -> None:
    assert brought(store, "10:30 a", file="web-02").title == "web-02"


def test_the_same_file_twice_adds_nothing_and_an_added_row_only_itself(store: Store) -> None:
    open_incident(store)
    assert brought(store, into=1).added == 5
    again = brought(store, into=1)
    assert (again.added, len(again.rows), again.questions) == (0, 5, ())
    assert all("is there already" in row for row in again.rows)
    assert brought(store, FILE + "11:20am – released\n", into=1).added == 1
    assert brought(store, into=1, file="another").added == 5
    assert len(store.incident(1).entries) == 12  # type: ignore[union-attr]


def test_rows_that_say_the_same_are_rows_of_their_own(store: Store) -> None:
    assert brought(store, "## May 2, 2024\n09:00 restarted\n## May 3, 2024\n09:00 restarted\n").added == 2


def test_a_closed_incident_is_drafted_again(store: Store) -> None:
    open_incident(store)
    Talk(store).record(Closed())
    brought(store, into=1)
    assert [(due.flow, due.incident) for due in store.dues()] == [("draft", 1)]
    brought(store, into=1)
    assert len(store.dues()) == 1


def test_an_incident_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(NotAllowed, match="there is no INC-9"):
        brought(store, into=9)
    assert store.summaries() == []


def test_who_said_it_is_kept_where_a_paste_tells(store: Store) -> None:
    brought(store, "Ada Lovelace  10:30 AM\nit is the port\nBen  10:34 AM\nrestarted\n")
    entries = store.incident(1).entries  # type: ignore[union-attr]
    assert [e.author for e in entries] == [Person(), Person(name="Ada Lovelace"), Person(name="Ben")]
