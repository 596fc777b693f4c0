"""How a step is tried: when it fails, that stands on the card with what to do, and it comes back later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot import log
from bot.facts import StepDone, StepFailed
from bot.ports import GaveUp, TryAgain
from bot.steps.recorder import Recorder, there

Step = Callable[[int, Mapping[str, Any]], Awaitable[Any]]
PATIENCE = (2.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds between tries of a failed step
TRIES = 60  # of one step, over about two days
MISTAKE = "Muster made a mistake of its own."
AGAIN = "It is tried again by itself."
LOOK = "Its log says which; do this step by hand."
BY_HAND = "It is not tried again: do this step by hand."


def pause(tries: int, problem: TryAgain | GaveUp) -> float:
    """Seconds until the next try after so many, and never before the neighbour asked for it."""
    return max(PATIENCE[min(tries, len(PATIENCE)) - 1], getattr(problem, "after", None) or 0.0)


class Trying:
    """Tries the steps that have a name."""

    def __init__(self, recorder: Recorder, steps: Mapping[str, Step]) -> None:
        self._recorder = recorder
        self._steps = steps

    async def attempt(self, name: str, number: int, args: Mapping[str, Any]) -> Any:
        """Do it; when that fails, say so on the card and come back later. Raises TryAgain for our database only."""
        try:
            result = await self._steps[name](number, args)
        except (TryAgain, GaveUp) as problem:
            if problem.reason == "database":
                raise
            await self._failed(name, number, args, problem)
            return None
        except Exception as mistake:  # the boundary of a step: a mistake of ours in one must not stop the next
            told = {"fields": {"incident": f"INC-{number}", "step": name}}
            logging.getLogger("muster").error("step.broken", exc_info=mistake, extra=told)
            await self._failed(name, number, args, GaveUp(MISTAKE, reason="mistake", fix=LOOK), again=False)
            return None
        if name in (await self._recorder.incident(number)).troubles:
            await self._recorder.record(number, StepDone(step=name), part="done")
        return result

    async def _failed(
        self, name: str, number: int, args: Mapping[str, Any], problem: TryAgain | GaveUp, *, again: bool = True
    ) -> None:
        """Name it, unless the card says the same already, and make a retry due. Tries have an end."""
        log.event("step.failed", level=logging.WARNING, step=name, reason=problem.reason, text=str(problem))
        key = self._recorder.key()
        before = args.get("retry") or {}
        fresh: Mapping[str, Any] = {"step": name, "attempt": 0, "first": key}
        tried = before if before.get("step") == name else fresh
        attempt = tried["attempt"] + 1
        again = again and attempt < TRIES
        wait = self._recorder.after(pause(attempt, problem))
        later = {**args, "retry": {**tried, "attempt": attempt}, "not_before": wait}
        told = StepFailed(step=name, text=str(problem), fix=_fix(problem, again=again))

        def write() -> None:
            with self._recorder.store.transaction(incident=number) as tx:
                known = there(tx.incident(number), number).troubles.get(name)
                if known is None or (known.text, known.fix) != (told.text, told.fix):
                    tx.append(number, [self._recorder.fact(told, f"{key}/failed")])
                if again:
                    tx.due(f"{tried['first']}/retry/{attempt}", "retry", number, later)

        await asyncio.to_thread(write)
        self._recorder.wake()

    async def broke(self, flow: str, incident: int, key: str) -> None:
        """A flow has ended by a mistake of ours: name it on the card. It is not started again."""
        told = self._recorder.fact(StepFailed(step=flow, text=MISTAKE, fix=LOOK), f"{key}/broke")
        await asyncio.to_thread(self._recorder.append, incident, [told])
        self._recorder.wake()


def _fix(problem: TryAgain | GaveUp, *, again: bool) -> str:
    if isinstance(problem, GaveUp):
        return f"{problem.fix} {AGAIN}".strip() if again else problem.fix
    return AGAIN if again else BY_HAND
