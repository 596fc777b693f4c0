"""Which fact makes the timeline say what the chat does; in whatever order the news arrive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.facts import Captured, Dropped, MessageChanged, Restored
from bot.incident import Entry, Kind, Source
from bot.journal import to_json
from bot.ports import GaveUp, TryAgain
from bot.said import Quote, Said
from bot.steps.capture import Capture, follow
from bot.steps.recorder import Recorder
from bot.store import CAPTURED_IN, Store
from tests.fakes import FakeChat
from tests.talk import ANA, BEN, NOW, Talk, open_incident

QUOTE = Quote(channel="C1", id="1.2", text="rolled back", at=NOW, author=BEN, pinned_by=("UANA",), url="https://x/p12")
ENTRY = Entry(
    id="E2", kind=Kind.NOTE, occurred_at=NOW, recorded_at=NOW, text="rolled back", source=Source(type="reaction")
)


def decided(entry: Entry | None, quote: Quote | None, *, pointed: bool = False, added: bool = True) -> object:
    return follow(entry, quote, name="C1/1.2", by=ANA, pointed=pointed, added=added)


def test_a_mark_brings_it_in_once() -> None:
    assert decided(None, QUOTE) == Captured(message="C1/1.2", text="rolled back", by=ANA)
    assert decided(ENTRY, QUOTE) is None


def test_the_last_mark_takes_it_out_and_a_new_one_back() -> None:
    unmarked, dropped = replace(QUOTE, pinned_by=()), replace(ENTRY, dropped=True)
    assert decided(ENTRY, unmarked, added=False) == Dropped(entry="E2")
    assert decided(dropped, unmarked, added=False) is None
    assert decided(dropped, QUOTE) == Restored(entry="E2")
    assert decided(dropped, QUOTE, added=False) is None  # a person dropped it; somebody's mark is still there
    assert decided(None, unmarked) is None


def test_what_was_pointed_at_needs_no_mark() -> None:
    unmarked = replace(QUOTE, pinned_by=())
    assert decided(None, unmarked, pointed=True) == Captured(message="C1/1.2", text="rolled back", by=ANA)
    by_shortcut = replace(ENTRY, source=Source(type="shortcut"))
    assert decided(by_shortcut, unmarked, added=False) is None
    assert decided(by_shortcut, None, added=False) is None


def test_news_of_an_edit_that_was_missed_are_followed_unless_a_person_corrected() -> None:
    edited = replace(QUOTE, text="rolled forward")
    assert decided(ENTRY, edited) == MessageChanged(message="C1/1.2", text="rolled forward")
    assert decided(replace(ENTRY, by_hand=True), edited) is None


class Step:
    """The step as flows do it, on a chat in memory."""

    def __init__(self, say: Talk) -> None:
        self.chat = FakeChat()
        self.keys = 0
        self.woken = 0
        self.step = Capture(Recorder(say.store, now=lambda: say.now, key=self._key, wake=self._wake), self.chat)

    def _key(self) -> str:
        self.keys += 1
        return f"flow/{self.keys}"

    def _wake(self) -> None:
        self.woken += 1

    async def __call__(self, number: int = 1, **args: object) -> str:
        return await self.step.capture(number, {"message": QUOTE.name, "by": to_json(ANA), **args})


@pytest.fixture
def say(store: Store) -> Talk:
    open_incident(store)
    return Talk(store)


async def test_it_is_kept_with_the_messages_own_author_time_and_address(say: Talk) -> None:
    step = Step(say)
    step.chat.quotes[QUOTE.name] = QUOTE
    say.later(60)
    assert await step(added=True) == "E2 at 2026-11-22 10:45 UTC is in the timeline of INC-1: rolled back"
    entry = say.last
    assert (entry.author, entry.occurred_at, entry.recorded_at) == (BEN, NOW, say.now)
    assert entry.source == Source(type="reaction", url="https://x/p12")
    assert step.chat.marked == {QUOTE.name}
    await step(added=True)
    await step(quote=to_json(QUOTE))
    assert len(say.incident().entries) == 2
    step.chat.quotes[QUOTE.name] = replace(QUOTE, pinned_by=())
    await step(added=False)
    assert say.last.dropped
    assert say.last.history[-1].by == "ana"
    assert step.chat.marked == set()


async def test_one_message_may_belong_to_several_incidents(say: Talk) -> None:
    step = Step(say)
    for number in range(2, CAPTURED_IN + 2):
        open_incident(say.store, channel=f"C{number}")
    for number in range(1, CAPTURED_IN + 1):
        assert await step(number, quote=to_json(QUOTE))
    said = Said(key="k", text="", author=ANA, at=NOW, source=Source(type="reaction"), value=QUOTE.name)
    assert say.store.concerns(said)
    assert not say.store.concerns(replace(said, value="C1/9.9"))
    with say.store.transaction() as tx:
        assert tx.captured(QUOTE.name) == list(range(1, CAPTURED_IN + 1))
    with pytest.raises(GaveUp, match="five"):
        await step(CAPTURED_IN + 1, quote=to_json(QUOTE))


async def test_a_message_that_is_gone_is_dropped_and_one_that_cannot_be_asked_about_is_tried_again(say: Talk) -> None:
    step = Step(say)
    assert await step(added=True) == ""
    step.chat.fail["look"] = [TryAgain("Slack is away"), GaveUp("no", reason="missing_scope")]
    with pytest.raises(TryAgain):
        await step(added=True)
    with pytest.raises(GaveUp):
        await step(added=True)
    step.chat.quotes[QUOTE.name] = QUOTE
    step.chat.fail["mark"] = [GaveUp("no", reason="missing_scope")]
    assert (await step(added=True)).startswith("E2")
    del step.chat.quotes[QUOTE.name]
    await step(added=False)
    assert say.last.dropped


@given(st.lists(st.sampled_from(["pin", "unpin", "edit", "event", "gone"]), max_size=12))
def test_whatever_happens_the_last_look_is_right(news: list[str]) -> None:
    """The chat's truth changes in any order; after a look the timeline says what it says."""
    quote: Quote | None = QUOTE
    entry: Entry | None = None
    for at, happened in enumerate([*news, "event"]):
        pinned = quote is not None and bool(quote.pinned_by)
        match happened:
            case "pin" if quote:
                quote = replace(quote, pinned_by=("UANA",))
            case "unpin" if quote:
                quote = replace(quote, pinned_by=())
            case "edit" if quote:
                quote = replace(quote, text=f"text {at}")
            case "gone":
                quote = None
            case _:
                pass
        what = decided(entry, quote, added=bool(quote and quote.pinned_by and not pinned) or happened == "event")
        match what:
            case Captured(text=text):
                entry = replace(ENTRY, text=text)
            case Dropped():
                entry = replace(entry, dropped=True)  # type: ignore[type-var]
            case Restored():
                entry = replace(entry, dropped=False)  # type: ignore[type-var]
            case MessageChanged(text=text):
                entry = replace(entry, text=text)  # type: ignore[type-var]
            case _:
                pass
    shown = entry is not None and not entry.dropped
    assert shown is (quote is not None and bool(quote.pinned_by))
