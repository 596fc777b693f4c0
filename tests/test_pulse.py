"""A gap in hearing is told once to every open incident, whoever notices it; what is short or still goes on is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.facts import Closed
from bot.pulse import RETRIED, SWALLOWED, Pulse, gap
from bot.store import Store
from tests.store.facts import fact, open_incident

AT = datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC)


class Ears:
    """Something that hears until a time, with a pulse."""

    def __init__(self, store: Store, *, longest: timedelta = SWALLOWED) -> None:
        self.until: datetime | None = None
        self.pulse = Pulse(store, heard_until=lambda: self.until, longest=longest)

    def beat(self, after: float) -> bool:
        self.until = AT + timedelta(seconds=after)
        return self.pulse.beat()


def told(store: Store) -> list[tuple[int, str]]:
    return [(due.incident, str(due.args["text"])) for due in store.dues() if due.flow == "report"]


def test_who_never_heard_anything_and_who_hears_for_the_first_time_has_no_gap(store: Store) -> None:
    open_incident(store)
    ears = Ears(store)
    assert not ears.pulse.beat()
    assert not ears.beat(0)
    assert not ears.beat(19)
    assert told(store) == []


def test_a_gap_is_told_once_to_every_open_incident(store: Store) -> None:
    first, second, closed = (open_incident(store) for _ in range(3))
    with store.transaction(incident=closed) as tx:
        tx.append(closed, [fact("closed", Closed())])
    ears = Ears(store)
    ears.beat(0)
    assert ears.beat(90)
    assert not ears.beat(92)
    assert [number for number, _ in told(store)] == [first, second]
    assert {text for _, text in told(store)} == {gap(AT, AT + timedelta(seconds=90))}


def test_as_long_as_it_lasts_nothing_is_told(store: Store) -> None:
    open_incident(store)
    ears = Ears(store)
    ears.beat(0)
    assert not any(ears.pulse.beat() for _ in range(5))
    assert ears.beat(60)


def test_after_a_restart_the_gap_is_known(store: Store) -> None:
    open_incident(store)
    Ears(store, longest=RETRIED).beat(0)
    assert not Ears(store, longest=RETRIED).beat(300), "what Slack sends again is not lost"
    assert Ears(store, longest=RETRIED).beat(300 + 391)
    assert len(told(store)) == 1


def test_replicas_are_deaf_together_only(store: Store) -> None:
    open_incident(store)
    one, two = Ears(store), Ears(store)
    one.beat(0)
    for after in range(10, 100, 10):
        two.beat(after)
    assert not one.beat(95)
    assert told(store) == []
    assert [one.beat(150), two.beat(151)] == [True, False]


def test_a_clock_that_goes_back_changes_nothing(store: Store) -> None:
    open_incident(store)
    ears = Ears(store)
    ears.beat(100)
    assert not ears.beat(0)
    assert not ears.beat(101)


def test_it_says_when_and_what_to_do() -> None:
    text = gap(AT, AT + timedelta(seconds=20))
    assert "from 2026-11-22 23:59:30 to 23:59:50 UTC" in text
    assert text.endswith("Please repeat it.")
    assert "to 2026-11-23 00:00:30 UTC" in gap(AT, AT + timedelta(minutes=1))
