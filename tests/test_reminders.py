"""What is due when: tables of incidents, and the times at which people are reminded of what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.incident import ActionItem, Channel, Entry, Incident, Kind, Person, Reminded, Room, Source, Status
from bot.policy import Channel as ChannelPolicy
from bot.policy import Policy, Reminders
from bot.reminders import ARCHIVE, MOST, About, Due, due, next_at, upcoming

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
POLICY = Policy()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def fresh() -> Incident:
    """Opened just now, with a channel and nobody in charge."""
    incident = Incident(number=7, title="Web is out", severity="SEV2", opened_at=AT)
    incident.view.channel = Channel(id="C1", name="inc-7")
    return incident


def said(incident: Incident, kind: Kind, at: datetime, *, by: str = "command") -> None:
    entry = Entry(id="E9", kind=kind, occurred_at=at, recorded_at=at, text="x", source=Source(type=by))
    incident.entries.append(entry)


def led(incident: Incident) -> None:
    incident.roles["commander"] = Person(id="U1", name="ana")


def updated(incident: Incident) -> None:
    said(incident, Kind.UPDATE, AT + 25 * MINUTE)


def moved_by_the_bot(incident: Incident) -> None:
    said(incident, Kind.STATUS, AT + 25 * MINUTE, by="check")


def reminded_once(incident: Incident) -> None:
    incident.view.reminders["no update"] = Reminded(times=1, at=AT + 31 * MINUTE, message="M1")


def reminded_twice(incident: Incident) -> None:
    incident.view.reminders["no update"] = Reminded(times=2, at=AT + 61 * MINUTE, message="M1")


def resolved(incident: Incident) -> None:
    incident.status = Status.RESOLVED


def held(incident: Incident) -> None:
    incident.held = True


def enough(incident: Incident) -> None:
    incident.view.reminding = False


def reopened(incident: Incident) -> None:
    said(incident, Kind.REOPENED, AT + 5 * HOUR)


def without_channel(incident: Incident) -> None:
    incident.view.channel = None


def archived(incident: Incident) -> None:
    incident.view.room = Room.ARCHIVED


def closed(incident: Incident) -> None:
    incident.status = Status.CLOSED
    incident.times["closed"] = AT


def drafted(incident: Incident) -> None:
    closed(incident)
    incident.view.draft_at = AT + MINUTE


def done(incident: Incident) -> None:
    drafted(incident)
    incident.view.postmortem_done = AT + 2 * DAY


def still_talking(incident: Incident) -> None:
    drafted(incident)
    said(incident, Kind.NOTE, AT + 6 * DAY)


def promised(incident: Incident) -> None:
    drafted(incident)
    incident.action_items.append(ActionItem(id="A1", text="test", due="2026-11-24"))


def kept(incident: Incident) -> None:
    promised(incident)
    incident.action_items[0] = replace(incident.action_items[0], state="done")


def some_day(incident: Incident) -> None:
    drafted(incident)
    incident.action_items.append(ActionItem(id="A1", text="test", due="soon"))


CASES: list[tuple[tuple[Callable[[Incident], None], ...], dict[str, timedelta]]] = [
    ((), {"no commander": 10 * MINUTE, "no update": 30 * MINUTE}),
    ((led,), {"no update": 30 * MINUTE}),
    ((led, updated), {"no update": 55 * MINUTE}),
    ((led, moved_by_the_bot), {"no update": 30 * MINUTE}),
    ((led, reminded_once), {"no update": 61 * MINUTE}),
    ((led, reminded_once, updated), {"no update": 61 * MINUTE}),
    ((led, reminded_twice), {}),
    ((resolved,), {}),
    ((held,), {}),
    ((enough,), {}),
    ((without_channel,), {}),
    ((archived,), {}),
    ((reopened,), {"no commander": 5 * HOUR + 10 * MINUTE, "no update": 5 * HOUR + 30 * MINUTE}),
    ((closed,), {"postmortem": 3 * DAY}),
    ((drafted,), {"postmortem": 3 * DAY, "archive": 7 * DAY + MINUTE}),
    ((drafted, enough), {"archive": 7 * DAY + MINUTE}),
    ((done,), {"archive": 9 * DAY}),
    ((still_talking,), {"postmortem": 3 * DAY, "archive": 13 * DAY}),
    ((promised,), {"postmortem": 3 * DAY, "actions": 2 * DAY + 22.5 * HOUR, "archive": 7 * DAY + MINUTE}),
    ((kept,), {"postmortem": 3 * DAY, "archive": 7 * DAY + MINUTE}),
    ((some_day,), {"postmortem": 3 * DAY, "archive": 7 * DAY + MINUTE}),
]


@pytest.mark.parametrize(
    ("steps", "wanted"), CASES, ids=["-".join(step.__name__ for step in steps) or "fresh" for steps, _ in CASES]
)
def test_what_is_to_come(steps: tuple[Callable[[Incident], None], ...], wanted: dict[str, timedelta]) -> None:
    incident = fresh()
    for step in steps:
        step(incident)
    assert {str(one.about): one.at - AT for one in upcoming(incident, POLICY)} == wanted
    assert next_at(incident, POLICY) == (AT + min(wanted.values()) if wanted else None)


def test_nothing_is_due_a_moment_before_and_all_of_it_at_its_time() -> None:
    incident = fresh()
    at = next_at(incident, POLICY)
    assert at
    assert due(incident, POLICY, now=at - timedelta(microseconds=1)) == []
    assert due(incident, POLICY, now=at) == [Due(about=About.COMMANDER, at=at)]


def test_the_times_are_the_policys() -> None:
    wait = Reminders(no_update=HOUR, no_commander=2 * HOUR, postmortem=DAY)
    policy = Policy(reminders=wait, channel=ChannelPolicy(archive_after=MINUTE))
    assert {one.about: one.at - AT for one in upcoming(fresh(), policy)} == {
        About.COMMANDER: 2 * HOUR,
        About.UPDATE: HOUR,
    }
    incident = fresh()
    drafted(incident)
    assert {one.about: one.at - AT for one in upcoming(incident, policy)} == {
        About.POSTMORTEM: DAY,
        ARCHIVE: 2 * MINUTE,
    }


def test_a_quiet_bot_reminds_nobody_and_still_puts_the_channel_away() -> None:
    quiet = Policy(reminders=Reminders(quiet=True))
    incident = fresh()
    assert upcoming(incident, quiet) == []
    drafted(incident)
    assert [one.about for one in upcoming(incident, quiet)] == [ARCHIVE]


@given(st.lists(st.integers(1, 400), max_size=40))
def test_however_time_passes_nobody_hears_of_one_thing_more_than_twice(pauses: list[int]) -> None:
    incident, now = fresh(), AT
    for pause in pauses:
        now += pause * MINUTE
        for one in due(incident, POLICY, now=now):
            before = incident.view.reminders.get(one.about, Reminded())
            incident.view.reminders[one.about] = Reminded(times=before.times + 1, at=now)
    assert all(given.times <= MOST for given in incident.view.reminders.values())
