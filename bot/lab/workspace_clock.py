"""The workspace's clock: real time that a test may move forward.

Signatures are not made with it: the receiving app compares those with its own clock.
"""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Unix time; `advance` moves it forward at once and wakes everyone who waits on it."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self.speed = speed
        self._began = time.time()
        self._ahead = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        """Seconds since 1970, as this workspace sees them."""
        return self._began + self._ahead + (time.time() - self._began) * self.speed

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass in no time."""
        self._ahead += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` have passed on this clock."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            try:
                await asyncio.wait_for(self._moved.wait(), left / self.speed)
            except TimeoutError:
                continue
