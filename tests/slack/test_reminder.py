"""Reminders and hand-overs: short, with one button, and inert whatever is written in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.incident import ActionItem, Person, Reminded
from bot.lab.block_kit import check_blocks
from bot.reminders import About
from bot.slack.blocks import length
from bot.slack.reminder import STOP, handed_over, reminder
from tests.slack.samples import AT, button_ids, full, small
from tests.slack.test_render import NASTY, OURS


@pytest.mark.parametrize("about", About)
def test_one_click_stops_the_reminders(about: About) -> None:
    assert button_ids(reminder(full(), about)) == [STOP]


def test_it_says_what_is_missing_and_the_words_that_help() -> None:
    assert "Nobody leads INC-7 yet: `/incident lead`" in reminder(small(), About.COMMANDER).text
    assert "`/outage update …`" in reminder(small(), About.UPDATE, command="/outage").text
    incident = full()
    incident.action_items.append(ActionItem(id="A1", text="test every config", owner="ben", due="2026-11-24"))
    assert "A1 test every config (ben, by 2026-11-24)" in reminder(incident, About.ACTIONS).text


def test_only_the_owner_of_a_postmortem_is_called() -> None:
    incident = full()
    assert "<@U123>" in reminder(incident, About.POSTMORTEM).text
    incident.roles["owner"] = Person(id="U456", name="ben")
    assert "<@U456>" in reminder(incident, About.POSTMORTEM).text
    assert "<@" not in "".join(reminder(incident, about).text for about in (About.COMMANDER, About.UPDATE))


def test_what_is_done_or_stopped_has_no_button_any_more() -> None:
    incident = full()
    incident.view.reminders[About.UPDATE] = Reminded(times=1, at=AT, message="1.0", settled=True)
    done = reminder(incident, About.UPDATE)
    assert done.text.endswith("~ Done.")
    incident.view.reminding = False
    stopped = reminder(incident, About.COMMANDER)
    assert "stopped" in stopped.text
    assert button_ids(done) == button_ids(stopped) == []


def test_a_hand_over_names_both_and_calls_them() -> None:
    told = handed_over("commander", Person(id="U123", name="ana"), Person(id="U456", name="ben"))
    assert told.text == "Commander: <@U456> takes over from <@U123>."


@given(text=NASTY, other=NASTY, about=st.sampled_from(About))
def test_any_text_stays_inert(text: str, other: str, about: About) -> None:
    incident = full()
    incident.roles = {other or "x": Person(id=text, name=other)}
    incident.action_items = [ActionItem(id="A1", text=text, owner=other, due="2026-11-24") for _ in range(20)]
    for message in (reminder(incident, about, command=text), handed_over(text, Person(name=other), Person(id=text))):
        assert check_blocks(message.blocks) == []
        assert 0 < length(message.text) <= 4_000
        assert not set("<>") & set(OURS.sub("", message.text))
