"""What happens to messages of a timeline, as the record follows it."""

from __future__ import annotations

from datetime import timedelta

from bot.facts import Corrected, Dropped
from bot.journal import to_json
from bot.ports import PersonKind
from bot.said import Reply
from bot.steps.capture import Capture
from bot.steps.recorder import Recorder
from tests.fakes import FakeChat
from tests.steps.test_capture import QUOTE
from tests.talk import ANA, Talk, open_incident


def happen(say: Talk, what: str, text: str = "", **more: object) -> Reply:
    return say.reply(text, button=what, value=QUOTE.name, **more)


async def captured(say: Talk, number: int = 1) -> None:
    step = Capture(Recorder(say.store, now=lambda: say.now, key=lambda: "k", wake=lambda: None), FakeChat())
    await step.capture(number, {"quote": to_json(QUOTE), "by": to_json(ANA)})


def test_a_mark_in_the_channel_asks_the_flow_to_look(say: Talk) -> None:
    assert happen(say, "pin_added") == Reply(text="")
    (due,) = say.store.dues()
    assert (due.flow, due.args["message"], due.args["added"]) == ("capture", QUOTE.name, True)
    assert len(say.incident().entries) == 1


def test_a_mark_elsewhere_or_by_somebody_who_may_not_does_nothing(say: Talk) -> None:
    say.channel = "CGENERAL"
    assert happen(say, "pin_added").ok
    say.channel = "C1"
    assert not happen(say, "pin_added", kind=PersonKind.DEACTIVATED).ok
    happen(say, "pin_removed")
    assert say.store.dues() == []


async def test_edits_and_deletions_reach_every_timeline(say: Talk) -> None:
    open_incident(say.store, channel="C2")
    await captured(say, 1)
    await captured(say, 2)
    say.channel = ""
    happen(say, "message_changed", "rolled forward", kind=PersonKind.BOT)
    assert [say.incident(n).entries[-1].text for n in (1, 2)] == ["rolled forward"] * 2
    assert say.last.history[0].text == "rolled back"
    happen(say, "message_changed", "rolled forward")
    assert len(say.last.history) == 1
    happen(say, "message_deleted")
    happen(say, "message_deleted")
    assert [say.incident(n).entries[-1].dropped for n in (1, 2)] == [True, True]
    assert len(say.last.history) == 2


async def test_a_correction_by_hand_is_the_later_word(say: Talk) -> None:
    await captured(say)
    say.record(Corrected(entry="E2", text="rolled back to 1.2"))
    happen(say, "message_changed", "oops")
    assert say.last.text == "rolled back to 1.2"


async def test_what_a_person_dropped_is_not_dropped_again(say: Talk) -> None:
    await captured(say)
    say.record(Dropped(entry="E2"))
    happen(say, "message_deleted")
    assert len(say.last.history) == 1


def test_however_many_mark_a_message_within_a_second_it_is_looked_at_once(say: Talk) -> None:
    for _ in range(50):
        happen(say, "pin_added")
        say.now += timedelta(milliseconds=10)
    (due,) = say.store.dues()
    assert due.args["not_before"] == "2026-11-22T10:45:01+00:00"
    say.now += timedelta(seconds=1)
    happen(say, "pin_added")
    assert len(say.store.dues()) == 2
