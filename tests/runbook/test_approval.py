"""Who may approve a repair, where, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.facts import (
    CardShown,
    ChannelOpened,
    Closed,
    Fact,
    Held,
    Opened,
    RepairApproved,
    RepairMoved,
    RepairOffered,
    What,
    fold,
)
from bot.incident import Channel, Incident, Person, Repair, RepairState
from bot.ports import NotAllowed
from bot.runbook.approval import Click, may_approve

NOW = datetime(2026, 11, 22, 10, 45, tzinfo=UTC)
ANA, BEN = Person(id="UANA", name="ana"), Person(id="UBEN", name="ben")
MEMBERS = frozenset({"UANA", "UBEN"})
REPAIR = Repair(
    name="restore",
    host="web-02",
    plan="P1",
    state=RepairState.OFFERED,
    at=NOW,
    title="Restore the config of web-02",
    approvers=("@oncall-web", "@leads"),
    expires_at=NOW + timedelta(minutes=15),
)
CLICK = Click(plan="P1", person=ANA, channel="C1", message="M1")


def incident(*more: What, repair: Repair = REPAIR, asked: Person | None = None, by: Person = ANA) -> Incident:
    """An incident with a card that offers the repair; `by` is who did what happened more."""
    told = [
        (Opened(title="Web is out", severity="SEV2"), Person()),
        (ChannelOpened(channel=Channel(id="C1", name="inc-1")), Person()),
        (CardShown(message="M1"), Person()),
        (RepairOffered(repair=repair), asked or Person()),
        *((what, by) for what in more),
    ]
    return fold(
        1,
        [
            Fact(key=str(n), what=what, occurred_at=NOW, recorded_at=NOW, author=who)
            for n, (what, who) in enumerate(told)
        ],
    )


def refusal(about: Incident, click: Click = CLICK, *, members: frozenset[str] = MEMBERS, now: datetime = NOW) -> str:
    with pytest.raises(NotAllowed) as refused:
        may_approve(about, click, members=members, now=now)
    return str(refused.value)


def allowed(about: Incident, click: Click = CLICK, *, now: datetime = NOW) -> bool:
    return may_approve(about, click, members=MEMBERS, now=now) == about.repair("P1")


def test_a_member_approves_on_the_card() -> None:
    assert allowed(incident(), CLICK)


def test_an_unknown_plan() -> None:
    assert "this offer is not of this incident" in refusal(incident(), replace(CLICK, plan="P9"))


@pytest.mark.parametrize("elsewhere", [{"channel": "C2"}, {"message": "M2"}, {"channel": ""}, {"message": ""}])
def test_another_channel_or_another_message(elsewhere: dict[str, Any]) -> None:
    assert "on the card in the incident's own channel only" in refusal(incident(), replace(CLICK, **elsewhere))


def test_an_incident_without_a_card() -> None:
    bare = fold(
        1,
        [
            Fact(key="1", what=what, occurred_at=NOW, recorded_at=NOW)
            for what in (Opened(title="", severity=""), RepairOffered(repair=REPAIR))
        ],
    )
    assert "own channel only" in refusal(bare, replace(CLICK, channel="", message=""))


def test_a_removed_member_is_told_who_can() -> None:
    assert refusal(incident(), members=frozenset({"UBEN"})) == (
        "Nothing was approved: it needs one of @oncall-web, @leads."
    )


def test_without_approvers_nobody_can() -> None:
    nobody = incident(repair=replace(REPAIR, approvers=()))
    assert "nobody, because no approvers are set in the policy" in refusal(nobody, members=frozenset())


def test_whoever_asked_may_be_excluded() -> None:
    strict = replace(REPAIR, requester="may-not-approve")
    asked_by_ana = incident(repair=strict, asked=ANA)
    assert "whoever asked for a repair may not approve it" in refusal(asked_by_ana)
    assert allowed(asked_by_ana, replace(CLICK, person=BEN))
    assert allowed(incident(repair=strict), CLICK)
    assert allowed(incident(asked=ANA), CLICK)


@pytest.mark.parametrize("minutes", [15, 16])
def test_an_offer_ends_at_its_minute(minutes: int) -> None:
    assert "has expired" in refusal(incident(), now=NOW + timedelta(minutes=minutes))


def test_an_offer_holds_until_its_minute() -> None:
    assert allowed(incident(), CLICK, now=NOW + timedelta(minutes=14, seconds=59))


def test_a_closed_incident() -> None:
    assert "INC-1 is closed; reopen it first." in refusal(incident(Closed()))


def test_the_stop_switch() -> None:
    assert "“release” ends that" in refusal(incident(Held(on=True)))
    assert allowed(incident(Held(on=True), Held(on=False)), CLICK)


def test_a_second_click_finds_it_approved() -> None:
    assert refusal(incident(RepairApproved(plan="P1"))) == (
        "Nothing more was approved: this repair is approved already."
    )


def test_two_approvals_are_of_two_people() -> None:
    twice = incident(RepairApproved(plan="P1"), repair=replace(REPAIR, count=2))
    assert refusal(twice) == "You have approved this already; it needs somebody else, too."
    assert allowed(twice, replace(CLICK, person=BEN))


@pytest.mark.parametrize("state", [state for state in RepairState if state is not RepairState.OFFERED])
def test_a_repair_that_is_no_longer_offered(state: RepairState) -> None:
    assert f"this repair is {state} already" in refusal(incident(RepairMoved(plan="P1", state=state)))


def test_the_place_is_looked_at_before_the_person() -> None:
    stranger = replace(CLICK, channel="C2", person=Person(id="UEVE"))
    assert "own channel only" in refusal(incident(), stranger)
