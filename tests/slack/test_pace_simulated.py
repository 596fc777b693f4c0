"""Minutes of calls in no time: how the line in front of Slack behaves in a storm, by its own clock."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.ports import TryAgain
from bot.slack.methods import METHODS
from bot.slack.pace import MINUTE, First, Line, Window, window


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: time jumps to the next moment in which something happens."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class Simulated(asyncio.SelectorEventLoop):
    """A loop in which an hour takes as long as what is done in it."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def simulated(work: Callable[[Simulated], Awaitable[None]]) -> None:
    loop = Simulated()
    try:
        loop.run_until_complete(work(loop))
    finally:
        loop.close()


def most_in_a_minute(calls: list[float]) -> int:
    return max((sum(at <= other < at + 60 for other in calls) for at in calls), default=0)


calls = st.lists(
    st.fixed_dictionaries(
        {
            "at": st.floats(0, 180),
            "first": st.sampled_from(First),
            "patience": st.sampled_from([1.0, 30.0, 600.0]),
        }
    ),
    max_size=60,
)


@given(calls, st.sampled_from([1, 20, 50]))
def test_whatever_comes_the_tier_is_kept_and_nobody_waits_longer_than_asked(
    asked: list[Mapping[str, Any]], most: int
) -> None:
    made: list[float] = []
    told: list[float] = []

    async def storm(loop: Simulated) -> None:
        line = Line(Window(most, MINUTE), clock=loop.time)

        async def one(call: Mapping[str, Any]) -> None:
            await asyncio.sleep(call["at"])
            began = loop.time()
            try:
                await line.turn(call["first"], patience=call["patience"])
            except TryAgain:
                told.append(loop.time())
            else:
                made.append(loop.time())
            assert loop.time() - began <= call["patience"] + 0.001

        await asyncio.gather(*(one(call) for call in asked))

    simulated(storm)
    assert most_in_a_minute(made) <= most
    assert len(made) + len(told) == len(asked)


def test_with_twenty_open_incidents_every_card_stays_fresh_and_each_is_edited_as_often() -> None:
    edits: Counter[int] = Counter()
    last: dict[int, float] = {}
    oldest: list[float] = []
    announced: list[float] = []

    async def hour(loop: Simulated) -> None:
        line = Line(window(METHODS["chat.update"]), clock=loop.time)

        async def incident(number: int) -> None:
            """Something changes all the time: the next edit is asked for when the last one is through."""
            while loop.time() < 1800:
                await line.turn(First.RESULTS, patience=30.0)
                oldest.append(loop.time() - last.get(number, loop.time()))
                last[number] = loop.time()
                edits[number] += 1
                await asyncio.sleep(0.3)

        async def announcements() -> None:
            while loop.time() < 1800:
                try:
                    await line.turn(First.DECORATION, patience=30.0)
                    announced.append(loop.time())
                except TryAgain as told:
                    await asyncio.sleep(told.after or 1.0)

        await asyncio.gather(*(incident(n) for n in range(20)), announcements())

    simulated(hour)
    assert max(edits.values()) - min(edits.values()) <= 1
    assert max(oldest) < 32, "no card is older than half a minute"
    assert sum(edits.values()) >= 40 * 29
    assert len(announced) < 50, "what is decoration waits"


def test_who_opens_a_channel_overtakes_everything_that_waits() -> None:
    order: list[str] = []

    async def rush(loop: Simulated) -> None:
        line = Line(Window(1, MINUTE), clock=loop.time)

        async def one(name: str, first: First, at: float) -> None:
            await asyncio.sleep(at)
            await line.turn(first, patience=3600)
            order.append(name)

        early = [one(f"edit {n}", First.RESULTS, 0) for n in range(10)]
        await asyncio.gather(*early, one("topic", First.DECORATION, 0), one("open", First.OPEN, 100))

    simulated(rush)
    assert order.index("open") == 2
    assert order[-1] == "topic"
