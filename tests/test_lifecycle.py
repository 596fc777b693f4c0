"""The story step by step: its order, what a failing step leaves, who may approve, what runs at most once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.facts import Closed, Fact, Held
from bot.incident import Kind, Repair, RepairState
from bot.ports import GaveUp, TryAgain
from bot.runbook.desk import Reached
from bot.steps.trying import MISTAKE, TRIES
from bot.store import Store
from tests.story import PLAN, Story, busy, refused, story


@pytest_asyncio.fixture
async def told(store: Store, tmp_path: Path) -> AsyncIterator[Story]:
    async with story(store, tmp_path / "postmortems") as ready:
        yield ready


async def approved(told: Story, who: str = "") -> None:
    told.alert()
    await told.settle()
    told.click(who or told.ana)
    await told.settle()


async def test_an_alert_opens_a_channel_with_everything_in_its_order(told: Story) -> None:
    told.alert("open")
    await told.settle()
    assert told.chat.calls == ["open_channel", "show_card", "invite", "set_topic", "announce"]
    view = told.incident.view
    assert view.channel
    assert view.card
    assert view.announcement
    assert view.topic
    assert view.invited == {told.ana: "invited", told.ben: "invited"}
    assert told.incident.monitors["7"]["state"] == "Alert"
    assert told.store.dues() == []


async def test_checks_prove_a_cause_and_offer_what_repairs_it(told: Story) -> None:
    told.alert()
    await told.settle()
    assert [c.text for c in told.incident.proved] == ["Another port."]
    assert told.state() is RepairState.OFFERED
    assert "No other repair was planned." in {e.text for e in told.incident.entries}


async def test_whoever_declares_is_answered_with_a_link_to_the_channel(told: Story) -> None:
    told.alert(key="D0")
    told.due("said/open", "open", reply_to={"channel": "C1", "user": told.ana})
    await told.settle()
    channel = told.incident.view.channel
    assert channel
    assert told.chat.whispers == [(told.ana, f"INC-1 opened: Web is out: <#{channel.id}|{channel.name}>")]


async def test_whoever_declares_while_no_channel_can_be_made_is_told_so(told: Story) -> None:
    told.chat.fail["open_channel"] = [refused()]
    told.alert("check")
    told.due("said/open", "open", reply_to={"channel": "C1", "user": told.ana})
    await told.settle()
    ((_, text),) = told.chat.whispers
    assert text == "INC-1 opened: Web is out: its channel could not be opened yet and is tried again"


STEPS = {
    "channel": "open_channel",
    "card": "show_card",
    "invitations": "invite",
    "topic": "set_topic",
    "announcement": "announce",
}
PROBLEMS: dict[str, Callable[[], TryAgain | GaveUp]] = {
    "busy": busy,
    "told to wait": lambda: busy(after=40.0),
    "refused": refused,
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", STEPS)
async def test_a_failing_step_is_named_stops_no_other_and_is_done_later(told: Story, name: str, problem: str) -> None:
    told.chat.fail[STEPS[name]] = [PROBLEMS[problem]()]
    told.alert("open")
    await told.settle()
    trouble = told.incident.troubles[name]
    assert trouble.text == str(PROBLEMS[problem]())
    assert trouble.fix == (
        "Add the scope. It is tried again by itself." if problem == "refused" else "It is tried again by itself."
    )
    assert list(told.incident.troubles) == [name]
    done = set(told.chat.calls)
    assert done == set(STEPS.values()) - ({"show_card", "invite", "set_topic"} if name == "channel" else set())
    await told.later(seconds=41)
    assert told.incident.troubles == {}
    assert set(STEPS.values()) <= set(told.chat.calls)
    view = told.incident.view
    assert all((view.channel, view.card, view.announcement, view.topic, view.invited))


async def test_a_step_is_not_tried_before_its_time(told: Story) -> None:
    told.chat.fail["announce"] = [busy(after=40.0)]
    told.alert("open")
    await told.settle()
    await told.later(seconds=39)
    assert told.chat.calls.count("announce") == 1
    await told.later(seconds=2)
    assert told.chat.calls.count("announce") == 2


async def test_checks_that_failed_at_first_are_followed_by_their_offer(told: Story) -> None:
    told.desk.fail["diagnose"] = [GaveUp("There is no key.", fix="Set MUSTER_SECRET_SSH.")]
    told.alert()
    await told.settle()
    assert told.incident.troubles["checks"].fix == "Set MUSTER_SECRET_SSH. It is tried again by itself."
    await told.later(minutes=1)
    assert told.incident.troubles == {}
    assert told.state() is RepairState.OFFERED


async def test_a_step_that_fails_for_ever_says_so_once_and_once_more_in_the_end(told: Story) -> None:
    told.chat.fail["announce"] = [refused() for _ in range(TRIES + 9)]
    told.alert("open")
    await told.settle()
    for _ in range(TRIES + 3):
        await told.later(hours=1, seconds=1)
    assert told.chat.calls.count("announce") == TRIES
    assert told.facts("StepFailed") == 2, "that it is tried again, and in the end that it is not"
    assert told.incident.troubles["announcement"].fix == "Add the scope."
    assert told.store.dues() == []
    assert not [e for e in told.incident.entries if "announcement" in e.text]


async def test_a_step_that_is_busy_for_ever_says_at_last_that_a_person_must_do_it(told: Story) -> None:
    told.chat.fail["announce"] = [busy() for _ in range(TRIES)]
    told.alert("open")
    for _ in range(TRIES + 1):
        await told.later(hours=1, seconds=1)
    assert told.incident.troubles["announcement"].fix == "It is not tried again: do this step by hand."
    assert told.facts("StepFailed") == 2


async def test_a_mistake_of_ours_in_one_step_is_named_and_stops_no_other(
    told: Story, caplog: pytest.LogCaptureFixture
) -> None:
    told.chat.fail["show_card"] = [ZeroDivisionError("oops")]  # type: ignore[list-item] # what nobody expects
    told.alert("open")
    await told.settle()
    await told.later(days=3)
    assert told.incident.troubles["card"].text == MISTAKE
    assert told.incident.view.announcement
    assert told.chat.calls.count("show_card") == 1
    assert [r.message for r in caplog.records].count("step.broken") == 1


async def test_a_database_that_is_away_for_a_moment_loses_no_step(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    away = [TryAgain("The database does not answer.", reason="database") for _ in range(2)]
    recorder = told.life.view._recorder
    append = recorder.append
    monkeypatch.setattr("bot.engine.DATABASE_AWAY", 0.01)

    def now_and_then(number: int, facts: Iterable[Fact]) -> None:
        if away:
            raise away.pop()
        append(number, facts)

    monkeypatch.setattr(recorder, "append", now_and_then)
    told.alert("open")
    await told.settle()
    assert away == []
    assert told.incident.troubles == {}
    assert told.incident.view.announcement
    assert len(told.chat.channels) == 2


# ------------------------------------------------------------------ repairs


async def test_an_approved_repair_is_carried_out_stage_by_stage_and_looked_at_again(told: Story) -> None:
    await approved(told)
    assert told.state() is RepairState.VERIFIED
    assert [p.id for p in told.repair.approved_by] == [told.ana]
    assert told.repair.details["stage"] == "verifying"
    assert told.facts("RepairMoved") == 5
    assert told.facts("ChecksAnswered") == 2
    words = [e.text.partition(":")[0] for e in told.incident.entries if e.kind is Kind.REMEDIATION]
    assert words == ["Offered", "No other repair was planned.", "Approved", "Running", "Verified"]


async def test_two_clicks_at_once_carry_a_repair_out_once(told: Story) -> None:
    told.alert()
    await told.settle()
    told.click(told.ana, key="K1")
    told.click(told.ben, key="K2")
    await told.settle()
    told.click(told.ana, key="K3")
    await told.settle()
    assert told.desk.carried_out == [PLAN]
    assert told.state() is RepairState.VERIFIED
    assert len(told.repair.approved_by) == 1
    assert len(told.chat.whispers) == 2
    assert all("already" in text for _, text in told.chat.whispers)


async def test_a_repair_that_needs_two_waits_for_the_second(told: Story) -> None:
    told.desk.count = 2
    await approved(told)
    assert told.state() is RepairState.OFFERED
    told.click(told.ana, key="K2")
    await told.settle()
    assert told.chat.whispers == [(told.ana, "You have approved this already; it needs somebody else, too.")]
    told.click(told.ben, key="K3")
    await told.settle()
    assert told.state() is RepairState.VERIFIED
    assert [p.id for p in told.repair.approved_by] == [told.ana, told.ben]


async def test_somebody_else_is_refused_and_nothing_is_recorded(told: Story) -> None:
    dora = told.chat.add_person("dora")
    await approved(told, dora)
    assert told.state() is RepairState.OFFERED
    assert told.repair.approved_by == ()
    assert told.facts("RepairApproved") == 0
    assert told.chat.whispers == [(dora, "Nothing was approved: it needs one of @oncall-web.")]


async def test_who_is_in_the_group_is_asked_when_the_button_is_pressed(told: Story) -> None:
    told.alert()
    await told.settle()
    told.chat.groups["oncall-web"] = frozenset({told.ben})
    told.click(told.ana)
    await told.settle()
    assert told.state() is RepairState.OFFERED


async def test_a_chat_that_cannot_say_who_may_approves_nothing(told: Story) -> None:
    told.alert()
    await told.settle()
    told.chat.fail["members"] = [busy()]
    told.click(told.ana)
    await told.settle()
    assert told.state() is RepairState.OFFERED
    assert told.chat.whispers == [(told.ana, "Nothing was approved: It is busy. Press the button again.")]


async def test_an_offer_expires_and_the_next_one_can_be_taken(told: Story) -> None:
    told.alert()
    await told.settle()
    await told.later(minutes=16)
    assert told.state() is RepairState.EXPIRED
    assert told.store.dues() == []
    told.click(told.ana)
    await told.settle()
    assert told.desk.carried_out == []
    assert "expired" in told.chat.whispers[0][1]


async def test_a_repair_that_was_taken_does_not_expire(told: Story) -> None:
    await approved(told)
    await told.later(minutes=16)
    assert told.state() is RepairState.VERIFIED


async def test_the_stop_switch_holds_also_between_approval_and_repair(told: Story) -> None:
    told.desk.fail["carry_out"] = [busy()]
    await approved(told)
    assert told.state() is RepairState.APPROVED
    told.tell("held", Held(on=True))
    await told.later(seconds=3)
    assert told.desk.carried_out == []
    assert told.state() is RepairState.FAILED
    assert told.repair.text.startswith("Nothing was done: actions were put on hold.")


async def test_the_stop_switch_is_asked_again_in_the_moment_before_the_first_stage(
    told: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = told.desk.carry_out

    async def late(repair: Repair, reached: Reached, *, underway: str) -> bool:
        await asyncio.to_thread(told.tell, "held", Held(on=True))
        return await carry_out(repair, reached, underway=underway)

    monkeypatch.setattr(told.desk, "carry_out", late)
    await approved(told)
    assert told.desk.carried_out == []
    assert told.state() is RepairState.FAILED
    assert "stage" not in told.repair.details


async def test_what_may_not_begin_any_more_is_refused_in_the_moment_before_the_first_stage(told: Story) -> None:
    told.desk.stopped = "restore has run on web-02, and may only once in 10 minutes."
    await approved(told)
    assert (told.desk.carried_out, told.state()) == ([], RepairState.FAILED)
    assert told.repair.text == f"Nothing was done: {told.desk.stopped}"
    assert "stage" not in told.repair.details
    assert told.store.begun_since(told.now - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("elsewhere", "why"),
    [
        ({"plan": "forged"}, "not of this incident"),
        ({"channel": "COTHER"}, "own channel only"),
        ({"message": "1.1"}, "own channel only"),
        ({"channel": "COTHER", "message": "9.9", "user": "UOTHER"}, "own channel only"),  # another workspace
    ],
)
async def test_a_click_from_elsewhere_is_refused_and_begins_nothing(
    told: Story, elsewhere: dict[str, str], why: str
) -> None:
    told.alert()
    await told.settle()
    told.click(told.ana, **elsewhere)
    await told.settle()
    assert (told.desk.carried_out, told.state(), told.facts("RepairApproved")) == ([], RepairState.OFFERED, 0)
    assert why in told.chat.whispers[0][1]


async def test_an_approval_is_not_carried_out_hours_later(told: Story) -> None:
    told.desk.fail["carry_out"] = [busy(after=1200)]
    await approved(told)
    await told.later(minutes=21)
    assert told.desk.carried_out == []
    assert told.state() is RepairState.FAILED
    assert "ten minutes" in told.repair.text


async def test_a_repair_that_was_interrupted_goes_on_even_when_actions_are_held(told: Story) -> None:
    told.desk.fail["acting"] = [busy()]
    await approved(told)
    assert told.state() is RepairState.RUNNING
    assert told.store.underway(f"INC-1/{PLAN}") == PLAN
    told.tell("held", Held(on=True))
    await told.later(seconds=3)
    assert told.state() is RepairState.VERIFIED
    assert told.store.underway(f"INC-1/{PLAN}") == ""
    assert told.facts("RepairMoved") == 8  # the retry tells its stages under names of its own


async def test_closing_withdraws_what_nobody_took_before_the_draft_is_written(told: Story, tmp_path: Path) -> None:
    told.alert()
    await told.settle()
    told.tell("closed", Closed())
    told.due("close", "close")
    await told.settle()
    assert told.state() is RepairState.EXPIRED
    assert Path(told.incident.draft_path).is_relative_to(tmp_path / "postmortems")
    assert told.incident.view.draft_posted
    assert b"Expired" in told.chat.files["draft:INC-1:1"]["postmortem.md"]
