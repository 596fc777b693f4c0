"""The card of a proposal: one question, and what became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.incident import AlertSeen, Person
from bot.slack.proposal import proposal_card
from bot.triage.proposal import Proposal, ProposalState
from tests.slack.samples import AT, button_ids, shown

ALERT = AlertSeen(
    delivery="D1",
    source="datadog",
    transition="Triggered",
    at=AT,
    title="Disk is full",
    fingerprint="f1",
    scope=("host:web-01",),
    link="https://app.datadoghq.com/monitors/1",
)
PROPOSAL = Proposal(id="PABC", title="Disk is full", state=ProposalState.WAITING, at=AT, changed_at=AT, alerts=(ALERT,))


def test_it_asks_one_question_with_two_answers() -> None:
    message = proposal_card(PROPOSAL)
    assert button_ids(message) == ["open_proposal", "ignore_proposal"]
    assert message.text == "Is this an incident? Disk is full, since 2026-11-22 10:30 UTC, 1 alert."
    assert "<https://app.datadoghq.com/monitors/1|Datadog> Triggered web-01" in shown(message)
    values = [element["value"] for element in message.blocks[-1]["elements"]]
    assert values == ["PABC", "PABC"]


def test_many_problems_are_a_few_lines() -> None:
    many = tuple(replace(ALERT, fingerprint=f"f{n}", scope=(f"host:web-{n}",)) for n in range(200))
    message = proposal_card(replace(PROPOSAL, alerts=many))
    assert "and 195 more" in shown(message)
    assert len(shown(message)) < 1500


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            ProposalState.EXPIRED,
            "Disk is full: nobody answered within a day, and no recovery came. `declare` opens an incident for it.",
        ),
        (ProposalState.IGNORED, "Disk is full: ignored by <@U1>."),
        (ProposalState.OPENED, "Disk is full: opened as INC-7 by <@U1>."),
    ],
)
def test_what_became_of_it_takes_the_buttons_away(state: ProposalState, words: str) -> None:
    by = Person() if state is ProposalState.EXPIRED else Person(id="U1", name="ana")
    message = proposal_card(replace(PROPOSAL, state=state, incident=7, by=by))
    assert (message.text, button_ids(message)) == (words, [])


def test_what_recovered_unanswered_says_so() -> None:
    recovered = tuple(replace(a, bad=False) for a in PROPOSAL.alerts)
    message = proposal_card(replace(PROPOSAL, state=ProposalState.EXPIRED, alerts=recovered))
    assert message.text == "Disk is full: recovered before anybody answered."
