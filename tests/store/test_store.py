from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from bot.facts import ChecksAnswered, Reopened, RepairMoved, RepairOffered, SeveritySet, StatusSet, TitleSet
from bot.incident import CauseSeen, Person, Repair, RepairState, Source, Status, Verdict
from bot.ports import NotAllowed
from bot.said import Reply, Said
from bot.store import Delivery, Store
from tests.store.facts import NOW, alert, channel, closed, fact, note, open_incident, opened


def test_an_incident_is_what_its_facts_add_up_to(store: Store) -> None:
    number = open_incident(store, note("n1"), fact("s", SeveritySet(severity="SEV1"), minute=2), channel("c"))
    incident = store.incident(number)
    assert incident is not None
    assert (incident.id, incident.title, incident.severity) == ("INC-1", "Web is out", "SEV1")
    assert [e.text for e in incident.entries] == ["Web is out", "rolled back", "Severity SEV2 → SEV1"]
    assert incident.entries[1].occurred_at == NOW + timedelta(minutes=1)
    assert store.incident_in("C1") == number


def test_numbers_have_no_gaps(store: Store) -> None:
    assert open_incident(store) == 1
    with suppress(ZeroDivisionError), store.transaction(intake=True) as transaction:
        transaction.append(transaction.new_incident(), [opened("lost")])
        raise ZeroDivisionError
    assert open_incident(store) == 2


def test_the_same_key_is_recorded_once(store: Store) -> None:
    number = open_incident(store)
    for _ in range(2):
        with store.transaction(incident=number) as transaction:
            new = transaction.append(number, [note("a"), note("a", "other words"), note("b", minute=2)])
        assert new in {2, 0}
    incident = store.incident(number)
    assert incident is not None
    assert [e.text for e in incident.entries] == ["Web is out", "rolled back", "rolled back"]


def test_a_transaction_sees_what_it_wrote(store: Store) -> None:
    with store.transaction(intake=True) as transaction:
        number = transaction.new_incident()
        assert transaction.incident(number) is None
        transaction.append(number, [opened("o"), channel("c")])
        incident = transaction.incident(number)
        assert incident is not None
        assert incident.title == "Web is out"
        assert transaction.incident_in("C1") == number


def test_an_unknown_incident_is_refused_by_name(store: Store) -> None:
    with pytest.raises(NotAllowed, match="no INC-9"), store.transaction(incident=9):
        pass
    assert store.incident(9) is None
    assert store.incident_in("C9") is None
    assert store.incident_in("") is None
    assert store.head(9) == 0


def test_summaries_are_oldest_first_and_can_leave_out_the_closed(store: Store) -> None:
    first = open_incident(store, closed("x"))
    second = open_incident(store, fact("t", TitleSet(title="Better")), channel("c"))
    assert [s.id for s in store.summaries()] == ["INC-1", "INC-2"]
    (only,) = store.summaries(open_only=True)
    assert (only.number, only.title, only.status, only.channel) == (
        second,
        "Better",
        "investigating",
        "inc-1-web-is-out",
    )
    assert store.summaries()[0].closed_at == NOW + timedelta(minutes=5)
    with store.transaction() as transaction:
        transaction.append(first, [fact("r", Reopened(), minute=6)])
    assert [s.number for s in store.summaries(open_only=True)] == [first, second]
    assert store.summaries()[0].closed_at is None


def test_what_was_not_shown_yet_is_stale(store: Store) -> None:
    number = open_incident(store)
    before = store.head(number)
    assert store.stale() == [number]
    store.shown(number, before)
    assert store.stale() == []
    with store.transaction(incident=number) as transaction:
        transaction.append(number, [note("n")])
    assert store.stale() == [number]
    store.shown(number, store.head(number))
    store.shown(number, before)
    assert store.stale() == []


def test_a_cause_that_was_proved_before_does_not_move_the_status_again(store: Store) -> None:
    number = open_incident(store)
    cause = CauseSeen(id="PORT/1", verdict=Verdict.PROVED, text="It listens on 8081", at=NOW, host="web-1")
    runs = [ChecksAnswered(runbook="web", host="web-1", run=run, results=(), causes=(cause,)) for run in "ab"]
    for key, what in {"1": runs[0], "2": StatusSet(status=Status.INVESTIGATING), "3": runs[1]}.items():
        with store.transaction(incident=number) as transaction:
            transaction.append(number, [fact(key, what)])
    incident = store.incident(number)
    assert incident is not None
    assert store.summaries()[0].status == incident.status == "investigating"


SAID = Said(
    key="Ev1",
    text="note \x00 half a \ud83d pair",
    author=Person(id="U1", name="ada"),
    at=NOW,
    source=Source(type="command"),
    reply_to={"response_url": "https://example.org/1"},
)


def test_what_was_said_is_heard_once_and_waits_for_its_answer(store: Store) -> None:
    with store.transaction() as transaction:
        assert transaction.heard(SAID)
    with store.transaction() as transaction:
        assert not transaction.heard(SAID)
        assert transaction.reply_to("Ev1") is None
    assert store.unanswered() == [SAID]
    reply = Reply(text="E4 at 11:13 EAT", incident=1)
    with store.transaction() as transaction:
        transaction.answer("Ev1", reply)
    assert store.unanswered() == []
    with store.transaction() as transaction:
        assert transaction.reply_to("Ev1") == reply


def test_flows_are_due_once_for_each_key_until_done(store: Store) -> None:
    number = open_incident(store)
    with store.transaction() as transaction:
        transaction.due("b", "opening", number, {"host": "web-1"})
        transaction.due("a", "closing", number)
        transaction.due("b", "opening", number, {"host": "web-2"})
    assert [(d.key, d.flow, d.incident, d.args) for d in store.dues()] == [
        ("b", "opening", number, {"host": "web-1"}),
        ("a", "closing", number, {}),
    ]
    store.done("b")
    store.done("b")
    assert [d.key for d in store.dues()] == ["a"]


def test_an_intent_is_first_once(store: Store) -> None:
    assert [store.first("post/1"), store.first("post/1"), store.first("post/2")] == [True, False, True]


def test_one_of_several_that_repeats_another_is_answered_with_that(store: Store) -> None:
    with store.transaction(intake=True) as transaction:
        kept = transaction.deliver(_delivery("d1"), _delivery("d2", "event 2"), _delivery("d3"))
    assert [(one.id, one.duplicate) for one in kept] == [("d1", False), ("d2", False), ("d1", True)]


def _delivery(id: str, dedupe: str = "event 1") -> Delivery:
    return Delivery(id=id, source="datadog", dedupe=dedupe, received_at=NOW, body=b'\x00\xff{"a": 1')


def test_a_delivery_sent_again_is_answered_with_the_first(store: Store) -> None:
    number = open_incident(store)
    with store.transaction(intake=True) as transaction:
        assert transaction.deliver(_delivery("d1")) == [_delivery("d1")]
        transaction.ruled("d1", incident=number, ruling="open", reason="a problem that no open incident has")
    with store.transaction(intake=True) as transaction:
        (again,) = transaction.deliver(_delivery("d2"))
    assert (again.id, again.duplicate, again.ruling, again.body) == ("d1", True, "open", _delivery("").body)
    assert store.delivery("d2") is None
    kept = store.delivery("d1")
    assert kept is not None
    assert store.explained(number) == [kept]
    assert (kept.incident, kept.reason, kept.received_at) == (number, "a problem that no open incident has", NOW)


def test_the_newest_known_good_configuration_counts(store: Store) -> None:
    assert store.known_good("web-1") is None
    store.keep_known_good("web-1", commit="c1", tree="t1", at=NOW)
    store.keep_known_good("web-1", commit="c2", tree="t2", at=NOW + timedelta(hours=1))
    good = store.known_good("web-1")
    assert good is not None
    assert (good.host, good.commit, good.tree, good.recorded_at) == ("web-1", "c2", "t2", NOW + timedelta(hours=1))


def test_an_import_takes_its_number_once_and_new_ones_follow_it(store: Store) -> None:
    with store.transaction(intake=True) as transaction:
        assert transaction.take_number(7)
        transaction.append(7, [opened("i")])
    with store.transaction(intake=True) as transaction:
        assert not transaction.take_number(7)
    assert open_incident(store) == 8


def test_it_answers_a_ping_and_names_its_kind(store: Store) -> None:
    store.ping()
    assert store.url.startswith(store.dialect)


def test_outsiders_words_that_a_database_refuses_do_not_stop_an_incident(store: Store) -> None:
    number = open_incident(store, alert("a\x00", fingerprint="datadog|\x00\ud83d|", title="\x00\ud83d"))
    assert store.summaries()[0].number == number
    with store.transaction(incident=number) as transaction:
        assert transaction.append(number, [alert("a\x00")]) == 0


def test_a_repair_verified_later_moves_the_status_on(store: Store) -> None:
    offered = Repair(name="restore", host="web-1", plan="p", state=RepairState.OFFERED, at=NOW, title="Restore")
    number = open_incident(store, fact("o", RepairOffered(repair=offered)))
    with store.transaction(incident=number) as transaction:
        transaction.append(number, [fact("v", RepairMoved(plan="p", state=RepairState.VERIFIED), minute=3)])
    assert store.summaries()[0].status == "monitoring"
