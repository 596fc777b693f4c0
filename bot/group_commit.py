"""Deliveries that wait at the same time are committed together: in a storm the disk is asked once for many.

What comes alone is committed alone and at once; what comes meanwhile is the next group. In a storm, that waits a
moment for those who were just answered: they have more to send, and a group costs little more than a single one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bot.intake import Receipt, Sent
from bot.ports import TryAgain

LARGEST = 50
"""Deliveries in one group: while it is at work, no other replica can take one in."""
STORM, WITHIN = 30, 5.0
"""So many deliveries within so many seconds are a storm."""
SHARE = 0.5
"""Of the time that the last group took: so long those that wait already wait for more. A group costs by its number."""
PAUSE = 0.2
"""Seconds between two pieces of other work during a storm; so long at most they wait for what is taken in before it."""


class GroupCommit:
    """Hands deliveries to `receive_all`, in the order of arrival, and answers each when it is on disk.

    That keeps all that it is given, or none.
    """

    def __init__(self, receive_all: Callable[[Sequence[Sent]], Sequence[Receipt]]) -> None:
        self._receive_all = receive_all
        self._waiting: list[tuple[Sent, asyncio.Future[Receipt]]] = []
        self._work: asyncio.Task[None] | None = None
        self._last: deque[float] = deque(maxlen=STORM)
        self._expected = 0
        self._met: asyncio.Future[None] | None = None
        self._gate = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")  # its own: never behind other work

    async def receive(self, source: str, body: bytes) -> Receipt:
        """Take one delivery in. Raises what `receive_all` raises for it alone; what others bring is not its concern."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Receipt] = loop.create_future()
        self._last.append(loop.time())
        self._waiting.append(((source, body), answer))
        if self._met and not self._met.done() and len(self._waiting) >= self._expected:
            self._met.set_result(None)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._empty())
        return await answer

    async def give_way(self) -> None:
        """For work that can wait: deliveries come first. During a storm, the rest is done piece by piece."""
        async with self._gate:
            if len(self._last) == STORM and asyncio.get_running_loop().time() - self._last[0] < WITHIN:
                await asyncio.sleep(PAUSE)
            elif self._work and not self._work.done():
                await asyncio.wait([self._work], timeout=PAUSE)

    def close(self) -> None:
        """Give the thread back."""
        self._thread.shutdown(wait=False)

    async def _empty(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
            began = loop.time()
            outcomes = await self._committed([sent for sent, _ in group])
            for (_, answer), outcome in zip(group, outcomes, strict=True):
                if answer.done():  # whoever asked has gone
                    continue
                if isinstance(outcome, BaseException):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
            if self._waiting:
                await self._more(len(self._waiting) + len(group), within=(loop.time() - began) * SHARE)

    async def _more(self, expected: int, *, within: float) -> None:
        """Wait until as many are there as may come: those who were just answered will soon send their next one."""
        self._expected, self._met = min(expected, LARGEST), asyncio.get_running_loop().create_future()
        await asyncio.wait([self._met], timeout=within)
        self._met.cancel()

    async def _committed(self, group: Sequence[Sent]) -> Sequence[Receipt | BaseException]:
        """What became of each. A group that fails is done again one by one, so that only the culprit fails."""
        together = await self._in_thread(group)
        if not isinstance(together, BaseException):
            return together
        if len(group) == 1 or (isinstance(together, TryAgain) and together.reason == "database"):
            return [together] * len(group)
        return [outcome for sent in group for outcome in await self._committed([sent])]

    async def _in_thread(self, group: Sequence[Sent]) -> Sequence[Receipt] | BaseException:
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._receive_all, group)
        (outcome,) = await asyncio.gather(running, return_exceptions=True)
        return outcome
