"""Corrections of the grouping: merge, split, and the answers to proposals, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.facts import ChannelOpened, MadePrivate, RepairMoved, RepairOffered
from bot.incident import Channel, Kind, Repair, RepairState, Status, problem_id
from bot.policy import Grouping, Match, Policy, Rule
from bot.record import from_record, to_record
from bot.said import Reply
from bot.store import Store
from bot.triage.proposal import Proposal, ProposalState
from bot.triage.reasons import Why
from tests.talk import NOW, Talk
from tests.test_intake import PAY, START, World, on

RULES = (Rule(match=Match(service="pay"), do="propose"), Rule(do="open"))


@pytest.fixture
def world(store: Store) -> World:
    return World(store, Policy(rules=RULES, grouping=Grouping(per_hour=4)))


@pytest.fixture
def say(world: World) -> Talk:
    """Ana at the terminal, where no channel hides an incident."""
    return Talk(world.store, channel="", now=NOW)


def press(say: Talk, button: str, value: str, **more: Any) -> Reply:
    return say.reply(button=button, value=value, message="M1", **more)


def other(n: int) -> dict[str, Any]:
    """A problem of another service."""
    return {**PAY, "alert_id": f"{n}", "alert_cycle_key": f"{n}", "tags": f"service:s{n}", "tag_service": f"s{n}"}


# ------------------------------------------------------------------ split


def test_a_delivery_that_does_not_belong_here_gets_an_incident_of_its_own(world: World, say: Talk) -> None:
    first = world.deliver()
    second = world.deliver(minute=1, **on("web-03"))
    say("INC-1 note looked at web-03")
    assert say(f"INC-1 split {second.delivery}") == "INC-2 opened."
    assert [a.delivery for a in world.incident(1).alerts] == [first.delivery]
    assert [(a.delivery, a.why) for a in world.incident(2).alerts] == [(second.delivery, "split")]
    assert world.incident(2).severity == world.incident(1).severity
    told = world.incident(1).entries[-1]
    assert told.text == "Split: Web server out of rotation (web-03) went to INC-2, 1 alert"
    assert [e.dropped for e in world.incident(1).entries if "web-03" in e.text] == [True, False, False]
    assert {("open", 2), ("check", 2)} <= {(flow, number) for flow, number, _ in world.dues()}


def test_what_comes_later_of_a_problem_follows_it(world: World, say: Talk) -> None:
    world.deliver()
    second = world.deliver(minute=1, **on("web-03"))
    say(f"INC-1 split {second.delivery}")
    recovered = world.deliver("recovered", minute=2, **on("web-03"))
    assert world.kept(recovered).incident == 2
    assert (len(world.incident(1).firing), len(world.incident(2).firing)) == (1, 0)
    assert [r.why for r in world.store.ruled(incident=2)] == ["split", "same-problem"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("split", "say split DELIVERY; here are D"),
        ("split D1 D2", "say split DELIVERY"),
        ("split D404", "INC-1 has no delivery D404"),
        ("split ALL", "that is all that INC-1 is about"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(world: World, say: Talk, words: str, why: str) -> None:
    receipt = world.deliver()
    refused = say.refused(f"INC-1 {words.replace('ALL', receipt.delivery)}")
    assert refused.startswith("Nothing was split: ")
    assert why in refused


def test_a_problem_that_a_storm_lists_is_opened_by_its_button(world: World, say: Talk) -> None:
    for n in range(8):
        world.deliver(minute=n / 100, **other(n))
    storm = world.incident(5)
    assert (storm.storm, len(storm.firing)) == (True, 4)
    value = problem_id(storm.alerts[2])
    assert press(say, "open_listed", value, incident=5).incident == 6
    assert (len(world.incident(5).firing), world.incident(6).service) == (3, "s6")
    again = press(say, "open_listed", value, incident=5)
    assert "no longer listed in INC-5" in again.text


# ------------------------------------------------------------------ merge


def two(world: World, say: Talk) -> None:
    """Two incidents in two channels."""
    world.deliver()
    world.deliver(minute=1, **other(1))
    for number in (1, 2):
        say.record(ChannelOpened(channel=Channel(id=f"C{number}", name=f"inc-{number}")), number=number)


def test_two_incidents_that_were_one_become_one(world: World, say: Talk) -> None:
    two(world, say)
    say("INC-2 note the pool is empty")
    say("INC-2 action check the pool size")
    say("INC-2 detected 10:31")
    assert say("INC-1 merge INC-2") == "INC-2 is part of INC-1 now."
    one, gone = world.incident(1), world.incident(2)
    assert [a.monitor_id for a in one.alerts] == ["4711", "1"]
    assert "the pool is empty" in {e.text for e in one.entries}
    assert [item.text for item in one.action_items] == ["check the pool size"]
    assert "detected" not in one.times
    assert any(e.kind is Kind.NOTE and e.text.startswith("INC-2, detected: ") for e in one.entries)
    assert (gone.status, gone.merged_into) == (Status.CLOSED, 1)
    assert gone.entries[-1].text == "Merged into INC-1"
    ((_, number, args),) = [due for due in world.dues() if due[0] == "report"]
    assert number == 2
    assert args["text"] == ("INC-2 is merged into INC-1: Web server out of rotation. Please go on there, in #inc-1.")
    assert sorted(r.why for r in world.store.ruled(incident=1)) == ["merged", "new"]


def test_what_comes_later_of_a_merged_problem_goes_where_it_is_now(world: World, say: Talk) -> None:
    two(world, say)
    say("INC-1 merge 2")
    world.deliver("recovered", minute=2, **other(1))
    assert [a.monitor_id for a in world.incident(1).firing] == ["4711"]
    world.minute = 3
    world.close(1)
    world.deliver(minute=4, **{**other(1), "alert_cycle_key": "again"})
    assert world.incident(1).open
    assert world.numbers() == [1, 2]
    before = world.store.incident(1)
    world.store.rebuild()
    assert world.store.incident(1) == before
    with world.store.transaction() as tx:
        assert {(p.incident, p.open) for p in tx.problems(START)} == {(1, True)}


def test_what_was_offered_in_a_merged_incident_cannot_be_taken(world: World, say: Talk) -> None:
    two(world, say)
    say.record(RepairOffered(repair=REPAIR), number=2)
    say("INC-1 merge INC-2")
    assert [r.state for r in world.incident(2).repairs] == [RepairState.EXPIRED]


REPAIR = Repair(name="restore", host="web-02", plan="P1", state=RepairState.OFFERED, at=NOW, title="Restore")


def test_a_merge_that_makes_no_sense_is_refused(world: World, say: Talk) -> None:
    two(world, say)
    world.deliver(minute=2, **other(2))
    world.deliver(minute=2, **other(3))
    say("INC-3 resolve")
    say("INC-3 close")
    say.record(MadePrivate(), number=4)
    for words, why in {
        "merge": "which incident?",
        "merge the others": "which incident?",
        "merge INC-1": "that is this incident itself",
        "merge INC-3": "INC-3 is closed",
        "merge INC-4": "INC-4 is private",
        "merge INC-9": "there is no INC-9",
    }.items():
        refused = say.refused(f"INC-1 {words}")
        assert why in refused
        assert refused.startswith("Nothing was ")
    assert "INC-3 is closed" in say.refused("INC-3 merge INC-1")
    say("INC-1 merge INC-2")
    assert "part of INC-1 already" in say.refused("INC-1 merge INC-2")
    assert "part of INC-1" in say.refused("INC-2 reopen")


def test_nobody_merges_while_a_repair_is_under_way(world: World, say: Talk) -> None:
    two(world, say)
    say.record(RepairOffered(repair=REPAIR), RepairMoved(plan="P1", state=RepairState.RUNNING), number=2)
    assert "a repair is under way" in say.refused("INC-1 merge INC-2")


# ------------------------------------------------------------------ proposals


def proposed(world: World, *, message: str = "M1") -> Proposal:
    """A proposal whose card is posted."""
    world.deliver(minute=0, **PAY)
    (proposal,) = world.proposals()
    posted = replace(proposal, where="incidents", channel="CANN", message=message)
    with world.store.transaction() as tx:
        tx.save_proposal(posted)
    return posted


def test_a_proposal_becomes_an_incident_with_all_that_came_so_far(world: World, say: Talk) -> None:
    proposal = proposed(world)
    world.deliver("renotify", minute=1, **PAY)
    reply = press(say, "open_proposal", proposal.id, channel="CANN")
    assert (reply.ok, reply.incident, reply.opened) == (True, 1, True)
    incident = world.incident()
    assert [a.transition for a in incident.alerts] == ["Triggered", "Renotify"]
    assert incident.view.announcements == {"incidents": ("CANN", "M1")}
    assert incident.entries[0].author.name == "ana"
    assert world.proposals()[0].state is ProposalState.OPENED
    world.deliver("recovered", minute=2, **PAY)
    assert world.incident().firing == []
    again = press(say, "open_proposal", proposal.id, channel="CANN")
    assert again.text == "Nothing was done: INC-1 was opened for it already."
    assert {r.why for r in world.store.ruled(incident=1)} == {Why.ACCEPTED, Why.SAME_PROBLEM}


def test_what_people_ignore_is_not_asked_again_until_it_was_quiet(world: World, say: Talk) -> None:
    proposal = proposed(world)
    assert press(say, "ignore_proposal", proposal.id, channel="CANN").text == "Ignored; the card says so."
    words = {"renotify": "dismissed", "re_triggered": "dismissed", "recovered": "same-problem", "warn": "dismissed"}
    for n, (situation, why) in enumerate(words.items()):
        assert world.whys(world.deliver(situation, minute=10 + 5 * n, **PAY)) == [why]
    assert len(world.proposals()) == 1
    world.deliver(minute=90, **{**PAY, "alert_cycle_key": "again"})
    assert [p.state for p in world.proposals()][-1] is ProposalState.WAITING
    assert "is ignored already" in press(say, "ignore_proposal", proposal.id, channel="CANN").text


def test_a_proposal_that_is_not_there_is_refused(say: Talk) -> None:
    for button in ("open_proposal", "ignore_proposal"):
        assert "not known any more" in press(say, button, "P404", channel="CANN").text


def test_everything_survives_export_and_import(world: World, say: Talk) -> None:
    two(world, say)
    say("INC-1 merge INC-2")
    for number in (1, 2):
        record = to_record(world.incident(number))
        assert to_record(from_record(json.loads(json.dumps(record)))) == record
