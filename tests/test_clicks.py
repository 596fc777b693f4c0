"""The card's buttons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.clicks import CLICKS
from bot.facts import ChecksAnswered, Dropped, RepairOffered, StepFailed
from bot.incident import CauseSeen, Kind, Repair, RepairState, Verdict
from bot.said import Reply
from bot.slack import offer
from tests.talk import NOW, Talk

CAUSE = CauseSeen(id="web/1", verdict=Verdict.PROVED, text="web-02 listens on 8081", at=NOW, host="web-02")
REPAIR = Repair(
    name="restore",
    host="web-02",
    plan="P1",
    state=RepairState.OFFERED,
    at=NOW,
    title="Restore the config of web-02",
    cause="web/1",
    expires_at=NOW + timedelta(minutes=15),
)


@pytest.fixture
def say(say: Talk) -> Talk:
    """Ana in the channel of INC-1, whose cause is proved and whose repair is offered."""
    say.record(
        ChecksAnswered(runbook="web", host="web-02", run="r", results=(), causes=(CAUSE,)), RepairOffered(repair=REPAIR)
    )
    return say


def press(say: Talk, button: str, value: str, **more: Any) -> Reply:
    return say.reply(button=button, value=value, message="M1", **more)


def test_every_button_of_the_card_is_heard() -> None:
    assert {offer.APPROVE, offer.NOT_THE_CAUSE, offer.RUN_CHECKS, offer.UPDATE, offer.RETRY} <= set(CLICKS)


def test_what_failed_is_tried_at_once_when_somebody_asks(say: Talk) -> None:
    assert press(say, "try_again", "INC-1").text == "Nothing is left to be tried again."
    say.record(StepFailed(step="topic", text="No.", fix="Ask."), StepFailed(step="pin", text="No.", fix="Ask."))
    later = {"not_before": (NOW + timedelta(hours=1)).isoformat()}
    with say.store.transaction() as tx:
        tx.due("INC-1/retry", "retry", 1, {**later, "retry": {"step": "topic", "attempt": 7}})
        tx.due("INC-1/tend", "tend", 1, later)
    assert press(say, "try_again", "INC-1").text == "Tried again: topic, pin."
    assert [(due.key, due.args) for due in say.store.dues()] == [
        ("INC-1/retry", {"retry": {"step": "topic", "attempt": 7}}),
        ("INC-1/tend", later),
    ]


def test_approving_only_asks_the_flow_and_says_who_clicked_what_where(say: Talk) -> None:
    entries = len(say.incident().entries)
    assert press(say, "approve_repair", "P1", reply_to={"user": "UANA"}).ok
    (due,) = say.store.dues()
    assert due.flow == "approve"
    assert due.args == {
        "reply_to": {"user": "UANA"},
        "by": {"id": "UANA", "name": "ana"},
        "plan": "P1",
        "user": "UANA",
        "name": "ana",
        "channel": "C1",
        "message": "M1",
    }
    assert len(say.incident().entries) == entries
    assert say.incident().repairs[0].state is RepairState.OFFERED


def test_the_same_click_heard_twice_is_one(say: Talk) -> None:
    press(say, "approve_repair", "P1", key="k")
    press(say, "approve_repair", "P1", key="k")
    assert say.flows() == [("approve", 1)]


def test_an_unknown_plan_is_refused(say: Talk) -> None:
    reply = press(say, "approve_repair", "P9")
    assert (reply.ok, say.flows()) == (False, [])
    assert reply.text.startswith("Nothing was approved: this offer is not of this incident;")


@pytest.mark.parametrize("words", ["approve_repair P1", "approve P1", "approve"])
def test_no_words_approve(say: Talk, words: str) -> None:
    say.refused(words)
    assert say.flows() == []


def test_running_the_checks_again(say: Talk) -> None:
    assert press(say, "run_checks", "INC-1").ok
    assert say.flows() == [("check", 1)]


@pytest.mark.parametrize(("value", "about"), [("web/1", CAUSE.text), ("P1", REPAIR.title)])
def test_not_the_cause_is_recorded_once_in_words(say: Talk, value: str, about: str) -> None:
    assert press(say, "not_the_cause", value).text == "Ruled out; the timeline says so."
    assert (say.last.kind, say.last.text) == (Kind.RULED_OUT, f"Not the cause, says a person: {about}")
    entries = len(say.incident().entries)
    press(say, "not_the_cause", value)
    assert len(say.incident().entries) == entries
    say.record(Dropped(entry=say.last.id))
    press(say, "not_the_cause", value)
    assert len(say.incident().entries) == entries + 1


def test_not_the_cause_of_another_incident_is_refused(say: Talk) -> None:
    assert not press(say, "not_the_cause", "web/9").ok


def test_a_button_of_an_older_version_does_nothing(say: Talk) -> None:
    reply = press(say, "escalate", "x")
    assert not reply.ok
    assert "older version" in reply.text


@pytest.mark.parametrize("button", sorted(name for name, click in CLICKS.items() if click.needs_incident))
def test_a_button_outside_of_an_incident_does_nothing(say: Talk, button: str) -> None:
    reply = press(say, button, "P1", channel="CGENERAL")
    assert reply.text.startswith("Nothing was done: this button belongs to no incident;")
