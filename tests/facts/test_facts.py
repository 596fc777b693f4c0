from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.facts import (
    KINDS,
    ActionAdded,
    ActionDone,
    AlertAttached,
    Announced,
    CardShown,
    ChannelOpened,
    ChecksAnswered,
    Closed,
    Corrected,
    DraftPosted,
    DraftWritten,
    Dropped,
    Fact,
    Held,
    Imported,
    Invited,
    MonitorLookedUp,
    NotChecked,
    NotOffered,
    Opened,
    Reopened,
    RepairApproved,
    RepairMoved,
    RepairOffered,
    Resolved,
    Restored,
    RoleGiven,
    SeveritySet,
    StatusSet,
    StepDone,
    StepFailed,
    TitleSet,
    Told,
    TopicSet,
    What,
    fold,
)
from bot.incident import (
    AlertSeen,
    CauseSeen,
    Channel,
    CheckSeen,
    Incident,
    Kind,
    Person,
    Precision,
    Repair,
    RepairState,
    Source,
    Status,
    Verdict,
)
from tests.values import FACTS

START = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
ADA, BEN = Person(id="U1", name="ada"), Person(id="U2", name="ben")
OPENED = Opened(title="Web is out", severity="SEV2", service="shop")


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def story(*whats: What, author: Person = ADA, source: str = "command") -> Incident:
    """An incident in which these things happen, a minute apart, after it was opened."""
    return fold(7, [_fact(n, what, author, source) for n, what in enumerate((OPENED, *whats))])


def _fact(minute: float, what: What, author: Person = ADA, source: str = "command") -> Fact:
    return Fact(
        key=f"{minute} {type(what).__name__}",
        what=what,
        occurred_at=at(minute),
        recorded_at=at(minute),
        author=author,
        source=Source(type=source),
    )


def texts(incident: Incident) -> list[str]:
    return [entry.text for entry in incident.entries]


def test_without_facts_there_is_no_incident() -> None:
    with pytest.raises(ValueError, match="incident 7 has no facts"):
        fold(7, [])


def test_opening_says_what_where_and_how_bad() -> None:
    incident = story()
    assert (incident.id, incident.title, incident.severity, incident.service) == ("INC-7", "Web is out", "SEV2", "shop")
    assert (incident.status, incident.open, incident.opened_at) == (Status.INVESTIGATING, True, START)
    (entry,) = incident.entries
    assert (entry.id, entry.kind, entry.author, entry.source.human) == ("E1", Kind.OPENED, ADA, True)


def _alert(transition: str, *, bad: bool, minute: float) -> AlertAttached:
    return AlertAttached(
        alert=AlertSeen(
            delivery=transition, source="datadog", transition=transition, at=at(minute), title="5xx",
            fingerprint="datadog|1|", bad=bad,
        )
    )  # fmt: skip


def test_alerts_fire_and_recover_and_the_first_one_detected_it() -> None:
    fired, recovered = _alert("Triggered", bad=True, minute=1), _alert("Recovered", bad=False, minute=2)
    assert len(story(fired).firing) == 1
    incident = story(fired, recovered)
    assert incident.firing == []
    assert incident.detected_at == at(1)
    assert [entry.kind for entry in incident.entries] == [Kind.OPENED, Kind.ALERT, Kind.RECOVERED]
    assert texts(incident)[1:] == ["Datadog: Triggered: 5xx", "Datadog: Recovered: 5xx"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind.BEGAN, "impact_started_at"),
        (Kind.DETECTED, "detected_at"),
        (Kind.ACKNOWLEDGED, "acknowledged_at"),
        (Kind.MITIGATED, "mitigated_at"),
    ],
)
def test_statements_of_key_times_count_and_can_be_corrected(kind: Kind, name: str) -> None:
    told = Told(kind=kind, text="x", typed="10.31am", precision=Precision.MINUTE)
    assert getattr(story(told), name) == at(1)
    corrected = story(told, Corrected(entry="e2", typed="10:32"))
    assert getattr(corrected, name) == at(2)
    assert corrected.entries[1].history[0].typed == "10.31am"


def test_the_first_thing_a_person_said_acknowledges() -> None:
    assert story(source="alert").acknowledged_at is None
    assert story(source="command").acknowledged_at == START


def test_a_mitigation_moves_the_status_on_but_never_back() -> None:
    mitigated = Told(kind=Kind.MITIGATED, text="moved traffic")
    assert story(mitigated).status is Status.MONITORING
    assert story(Resolved(), mitigated).status is Status.RESOLVED


def test_a_correction_keeps_the_old_words() -> None:
    incident = story(Told(kind=Kind.NOTE, text="rolled bak"), Corrected(entry="E2", text="rolled back"))
    entry = incident.entries[1]
    assert (entry.text, entry.occurred_at) == ("rolled back", at(1))
    (old,) = entry.history
    assert (old.text, old.by, old.at, old.occurred_at) == ("rolled bak", "ada", at(2), at(1))


def test_a_dropped_entry_stays_in_the_record_and_can_be_restored() -> None:
    note = Told(kind=Kind.NOTE, text="x")
    assert story(note, Dropped(entry="E2")).entries[1].dropped
    incident = story(note, Dropped(entry="E2"), Restored(entry="E2"))
    assert not incident.entries[1].dropped
    assert [old.dropped for old in incident.entries[1].history] == [False, True]


@pytest.mark.parametrize("what", [Corrected(entry="E9", text="x"), Dropped(entry="E9"), Restored(entry="E9")])
def test_correcting_what_is_not_there_changes_nothing(what: What) -> None:
    assert story(what) == story()


@pytest.mark.parametrize(
    ("what", "text", "name", "value"),
    [
        (SeveritySet(severity="SEV1"), "Severity SEV2 → SEV1", "severity", "SEV1"),
        (StatusSet(status=Status.IDENTIFIED), "Status investigating → identified", "status", Status.IDENTIFIED),
        (TitleSet(title="Shop is out"), "Title: Shop is out", "title", "Shop is out"),
        (RoleGiven(role="commander", person=BEN), "commander: ben", "roles", {"commander": BEN}),
        (Resolved(), "Resolved", "resolved_at", at(1)),
        (Resolved(text="all well"), "all well", "status", Status.RESOLVED),
        (Closed(), "Closed", "closed_at", at(1)),
        (NotChecked(host="db-9", reason="db-9 is not in the inventory"), "db-9 is not in the inventory", "checks", []),
    ],
)
def test_what_happened_is_told_and_shows(what: What, text: str, name: str, value: Any) -> None:
    incident = story(what)
    assert texts(incident)[-1] == text
    assert getattr(incident, name) == value


def test_reopening_undoes_the_end_but_not_the_count() -> None:
    incident = story(Resolved(), Closed(), Reopened())
    assert (incident.status, incident.open, incident.closings) == (Status.INVESTIGATING, True, 1)
    assert (incident.resolved_at, incident.closed_at) == (None, None)
    assert not story(Closed()).open


CAUSE = CauseSeen(id="PORT/1", verdict=Verdict.PROVED, text="It listens on 8081", at=START, host="web-1")


def _checks(run: str, *states: str, cause: CauseSeen | None = CAUSE) -> ChecksAnswered:
    results = tuple(CheckSeen(check="tcp", host=f"web-{n}", state=state, at=START) for n, state in enumerate(states))
    return ChecksAnswered(
        runbook="web", host="web-1", run=run, results=results, causes=(cause,) if cause else (), took_ms=40
    )


def test_answers_belong_to_their_run_and_a_proved_cause_identifies() -> None:
    incident = story(_checks("r1", "ok", "fail", "ok"))
    assert texts(incident)[1:] == ["Checks of web on web-1: 1 fail, 2 ok (3 hosts, 40 ms)", "It listens on 8081"]
    assert {(check.entry, check.run, check.runbook) for check in incident.checks} == {("E2", "r1", "web")}
    assert incident.status is Status.IDENTIFIED
    (cause,) = incident.proved
    assert (cause.entry, cause.run) == ("E3", "r1")


def test_a_cause_proved_again_is_told_once() -> None:
    incident = story(_checks("r1", "fail"), _checks("r2", "fail"))
    assert texts(incident).count("It listens on 8081") == 1
    assert [cause.entry for cause in incident.causes] == ["E3", "E3"]


def test_a_healed_server_does_not_unprove_a_cause() -> None:
    healed = CauseSeen(id="PORT/1", verdict=Verdict.RULED_OUT, text="no", at=START, host="web-1")
    incident = story(_checks("r1", "fail"), _checks("r2", "ok", cause=healed))
    assert [cause.verdict for cause in incident.latest_causes] == [Verdict.PROVED]


def _offered(count: int = 1) -> RepairOffered:
    return RepairOffered(
        repair=Repair(
            name="restore", host="web-1", plan="p", state=RepairState.OFFERED, at=START, title="Restore", count=count
        )
    )


def _moved(state: RepairState, **details: str) -> RepairMoved:
    return RepairMoved(plan="p", state=state, details=details)


def test_a_repair_is_offered_approved_run_and_verified() -> None:
    moves = (_moved(RepairState.RUNNING, sha="1"), _moved(RepairState.VERIFIED, took="2 s"))
    incident = story(_offered(), _offered(), RepairApproved(plan="p"), *moves)
    (repair,) = incident.repairs
    assert (repair.state, repair.approved_by, repair.details) == (
        RepairState.VERIFIED,
        (ADA,),
        {"sha": "1", "took": "2 s"},
    )
    assert repair.entries == ("E2", "E3", "E4", "E5")
    assert texts(incident)[1:] == ["Offered: Restore", "Approved: Restore", "Running: Restore", "Verified: Restore"]
    assert (incident.status, incident.mitigated_at) == (Status.MONITORING, at(5))


def test_a_repair_that_needs_two_waits_for_the_second() -> None:
    approved = RepairApproved(plan="p")
    assert story(_offered(2), approved).repairs[0].state is RepairState.OFFERED
    assert story(_offered(2), approved, approved).repairs[0].state is RepairState.APPROVED


@pytest.mark.parametrize("what", [RepairApproved(plan="q"), _moved(RepairState.FAILED)])
def test_words_about_a_plan_that_was_not_offered_change_nothing(what: What) -> None:
    assert story(what) == story()


def test_follow_ups_are_added_and_done() -> None:
    incident = story(ActionAdded(text="gate the port", owner="ben"), ActionAdded(text="more"), ActionDone(item="A1"))
    assert [(item.id, item.state, item.entry) for item in incident.action_items] == [
        ("A1", "done", "E2"),
        ("A2", "open", "E3"),
    ]
    assert texts(incident)[-1] == "Done: gate the port"
    assert story(ActionDone(item="A9")) == story()


def test_the_view_is_remembered_and_is_not_in_the_timeline() -> None:
    incident = story(
        ChannelOpened(channel=Channel(id="C1", name="inc-7")),
        CardShown(message="1.0"),
        Announced(channel="C2", message="2.0"),
        TopicSet(topic="SEV2"),
        Invited(people={"U1": "invited"}),
        Invited(people={"U2": "is_bot"}),
        DraftWritten(path="postmortems/x"),
        DraftPosted(message="3.0"),
    )
    view = incident.view
    assert (view.channel, view.card) == (Channel(id="C1", name="inc-7"), "1.0")
    assert (view.announcement, view.topic, view.draft_posted) == (("C2", "2.0"), "SEV2", "3.0")
    assert view.invited == {"U1": "invited", "U2": "is_bot"}
    assert incident.draft_path == "postmortems/x"
    assert len(incident.entries) == 1


def test_a_failed_step_is_a_trouble_until_it_is_done() -> None:
    failed = StepFailed(step="invite", text="not_in_channel", fix="invite the bot")
    assert story(failed).troubles["invite"].fix == "invite the bot"
    assert story(failed, StepDone(step="invite"), StepDone(step="never failed")).troubles == {}


def test_a_stop_switch_holds_until_it_is_released() -> None:
    assert story(Held(on=True)).held
    assert not story(Held(on=True), Held(on=False)).held


def test_what_a_monitor_says_now_is_kept_beside_the_timeline() -> None:
    incident = story(MonitorLookedUp(monitor_id="1", state="Alert", link="https://example.org/1"))
    assert incident.monitors["1"]["state"] == "Alert"
    assert incident.monitors["1"]["at"] == "2026-11-22T10:31:00Z"
    assert len(incident.entries) == 1


def test_a_repair_that_could_not_be_offered_is_told() -> None:
    assert texts(story(NotOffered(reason="web-1 has uncommitted changes")))[-1] == "web-1 has uncommitted changes"


def test_more_details_of_the_same_state_are_no_new_entry() -> None:
    running = _moved(RepairState.RUNNING, sha="1"), _moved(RepairState.RUNNING, step="2")
    incident = story(_offered(), *running)
    assert texts(incident)[1:] == ["Offered: Restore", "Running: Restore"]
    assert incident.repairs[0].details == {"sha": "1", "step": "2"}


@given(st.lists(FACTS, min_size=1, max_size=8))
def test_the_same_facts_always_make_the_same_incident(facts: list[Fact]) -> None:
    assert fold(7, facts) == fold(7, facts)


@given(st.lists(FACTS, min_size=1, max_size=8))
def test_entries_are_numbered_as_recorded_and_shown_as_happened(facts: list[Fact]) -> None:
    incident = fold(7, facts)
    if not any(isinstance(fact.what, Imported) for fact in facts):
        assert [entry.id for entry in incident.entries] == [f"E{n + 1}" for n in range(len(incident.entries))]
    assert sorted(e.id for e in incident.timeline) == sorted(e.id for e in incident.entries)
    dated = [entry.occurred_at for entry in incident.timeline if entry.occurred_at]
    assert dated == sorted(dated)


@given(FACTS, st.lists(FACTS, max_size=4))
def test_facts_do_not_change_when_they_are_folded(first: Fact, more: list[Fact]) -> None:
    before = repr([first, *more])
    fold(7, [first, *more])
    assert repr([first, *more]) == before


def test_every_kind_has_a_docstring_and_a_stored_name() -> None:
    assert all(kind.__doc__ and kind.__name__ == name for name, kind in KINDS.items())


def test_a_dropped_key_time_no_longer_holds_until_it_is_restored() -> None:
    earlier, later = START + timedelta(minutes=5), START + timedelta(minutes=20)

    def tell(key: str, what: What, at: datetime = later) -> Fact:
        return Fact(key=key, what=what, occurred_at=at, recorded_at=later)

    facts = [
        tell("opened", OPENED, START),
        tell("first", Told(kind=Kind.MITIGATED, text="fine"), earlier),
        tell("second", Told(kind=Kind.MITIGATED, text="fine again"), later),
        tell("dropped", Dropped(entry="E3")),
    ]
    assert fold(1, facts).mitigated_at == earlier
    assert fold(1, [*facts, tell("both", Dropped(entry="E2"))]).mitigated_at is None
    assert fold(1, [*facts, tell("restored", Restored(entry="E3"))]).mitigated_at == later
