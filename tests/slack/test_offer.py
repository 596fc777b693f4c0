"""Offers on the card: who may press what, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.incident import Person, RepairState, Status, Trouble
from bot.slack.render import card
from tests.slack.samples import AT, button_ids, full, repair, shown, small


def test_an_offer_has_buttons_that_carry_only_ids() -> None:
    message = card(full(), now=AT)
    assert button_ids(message) == ["approve_repair", "not_the_cause", "run_checks", "try_again", "update_incident"]
    (row,) = [b for b in message.blocks if b["type"] == "actions"]
    assert [e["value"] for e in row["elements"]] == ["plan-1", "plan-1", "INC-7", "INC-7", "INC-7"]
    assert "web-02" in row["elements"][0]["confirm"]["text"]["text"]


def test_what_failed_can_be_tried_again_at_once() -> None:
    assert "try_again" not in button_ids(card(small(), now=AT))
    failed = small()
    failed.troubles["topic"] = Trouble(step="topic", text="Slack refused it.", fix="Ask an administrator.", at=AT)
    assert button_ids(card(failed, now=AT)) == ["try_again", "update_incident"]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (RepairState.APPROVED, "Approved"),
        (RepairState.RUNNING, "Running"),
        (RepairState.VERIFIED, "Verified"),
        (RepairState.PUT_BACK, "Put back"),
        (RepairState.FAILED, "Failed"),
        (RepairState.EXPIRED, "Offer expired"),
    ],
)
def test_what_became_of_a_repair_is_shown_and_it_cannot_be_approved_again(state: RepairState, word: str) -> None:
    message = card(full(state), now=AT)
    assert f"*{word}:*" in shown(message)
    assert "approve_repair" not in button_ids(message)
    assert "not_the_cause" not in button_ids(message)


def test_nobody_can_approve_what_has_expired_is_held_or_belongs_to_the_past() -> None:
    late = card(full(), now=AT + timedelta(minutes=15))
    held = full()
    held.held = True
    closed = full()
    closed.status = Status.CLOSED
    assert "Offer expired" in shown(late)
    assert "on hold" in shown(card(held, now=AT))
    for message in (late, card(held, now=AT), card(closed, now=AT)):
        assert "approve_repair" not in button_ids(message)


def test_an_offer_that_needs_two_says_who_approved_already() -> None:
    incident = full()
    incident.repairs[0] = replace(incident.repairs[0], count=2, approved_by=(Person(id="U9", name="ben"),))
    seen = shown(card(incident, now=AT))
    assert "Approved by <@U9>" in seen
    assert "Needs 2 of @oncall-web" in seen


def test_a_diff_cannot_break_out_of_its_code_block() -> None:
    incident = full()
    incident.repairs[0] = repair(diff="-x\n```\n<!channel>\n```\n+y")
    (rich,) = [b for b in card(incident, now=AT).blocks if b["type"] == "rich_text"]
    (part,) = rich["elements"]
    assert part["type"] == "rich_text_preformatted"
    assert [e["type"] for e in part["elements"]] == ["text"]
