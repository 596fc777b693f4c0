"""What runs beside: work that is done again and again, and the view that follows the record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.log import event
from bot.ports import TryAgain
from bot.store import Store
from bot.view import Projection

SWEEP = 1.0  # seconds between looks for what is due or changed in another process
HEAL = 5.0  # seconds between two looks for views that nobody has looked after for a while
SETTLE = 0.15  # seconds in which changes of one incident become one edit of its card
LONGEST = 30.0  # seconds between tries of a view that keeps failing


class Tasks:
    """All that runs beside. What a task raises is our own mistake and is logged, not swallowed."""

    def __init__(self) -> None:
        self._endless: set[asyncio.Task[Any]] = set()
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, endless: bool = False) -> asyncio.Task[None]:
        """Run something beside. What may not end by itself is cancelled when we are told to stop."""
        task = asyncio.create_task(work)
        (self._endless if endless else self._running).add(task)
        task.add_done_callback(self._ended)
        return task

    def loop(self, work: Callable[[], Awaitable[None]], wake: asyncio.Event | None = None) -> None:
        """Do it for ever: at once when woken, else every second."""
        self.spawn(_again_and_again(work, wake or asyncio.Event()), endless=True)

    async def end(self, within: float) -> None:
        """Cancel what is endless and give the others some seconds to end."""
        for endless in self._endless:
            endless.cancel()
        if waiting := [*self._endless, *self._running]:
            await asyncio.wait(waiting, timeout=within)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._endless.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logging.getLogger("muster").error("task.failed", exc_info=error)


async def _again_and_again(work: Callable[[], Awaitable[None]], wake: asyncio.Event) -> None:
    """What fails is logged and does not end the loop."""
    while True:
        await _woken(wake, SWEEP)
        try:
            await work()
        except TryAgain as away:
            event("loop.postponed", level=logging.WARNING, work=work.__name__, reason=away.reason)
            await asyncio.sleep(SWEEP)
        except Exception as mistake:  # the boundary of a loop: without it the bot would stand still for ever
            fields = {"work": work.__name__}
            logging.getLogger("muster").error("loop.broken", exc_info=mistake, extra={"fields": fields})
            await asyncio.sleep(SWEEP)


async def _woken(wake: asyncio.Event, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await wake.wait()
    except TimeoutError:
        pass
    wake.clear()


class Showing:
    """Keeps what is shown up to date, each incident by itself. `give_way` lets go first what is more urgent."""

    def __init__(
        self,
        *,
        store: Store,
        view: Projection,
        tasks: Tasks,
        changed: asyncio.Event,
        give_way: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._view = view
        self._tasks = tasks
        self._changed = changed
        self._give_way = give_way
        self._syncing: dict[int, asyncio.Task[None]] = {}

    async def show(self) -> None:
        """Bring the view of every changed incident up to date, several changes in one edit."""
        await asyncio.sleep(SETTLE)
        for number in await asyncio.to_thread(self._store.stale):
            self._begin(number)

    async def heal(self) -> None:
        """Show now and then what was shown before: somebody may have taken it away."""
        await asyncio.sleep(HEAL)
        for number in await self._view.to_heal():
            self._begin(number)

    def _begin(self, number: int) -> None:
        if number not in self._syncing:
            self._syncing[number] = self._tasks.spawn(self._sync(number), endless=True)

    async def _sync(self, number: int) -> None:
        """Until it succeeds: what fails is tried again, ever later."""
        pause = SWEEP
        try:
            while not await self._synced(number, pause):
                pause = min(2 * pause, LONGEST)
        finally:
            del self._syncing[number]
            self._changed.set()  # for what changed meanwhile

    async def _synced(self, number: int, pause: float) -> bool:
        try:
            await self._give_way()
            await self._view.sync(number)
            return True
        except TryAgain as away:
            event("view.postponed", incident=f"INC-{number}", reason=away.reason)
            pause = max(pause, min(away.after or 0.0, LONGEST))
        except Exception as mistake:  # the boundary of a view: one that cannot be drawn must not be drawn in a loop
            fields = {"incident": f"INC-{number}"}
            logging.getLogger("muster").error("view.broken", exc_info=mistake, extra={"fields": fields})
            pause = LONGEST
        await asyncio.sleep(pause)
        return False
