"""How often an app may call: Slack's tiers, per method, in windows of one minute.

https://docs.slack.dev/apis/web-api/rate-limits names the tiers. Slack promises at least these figures; here
they are the limit, because an app that stays below them is safe everywhere.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque

from bot.lab.workspace_clock import Clock

WINDOW = 60.0
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
SPECIAL = 300
"""For methods that Slack allows 'hundreds' of times a minute."""
POSTS_PER_SECOND = 1.0
BURST_OF_POSTS = 4.0


class Limits:
    """Counts calls; a call above its limit is told when to come back."""

    def __init__(self, clock: Clock, *, on: bool = True) -> None:
        self.clock = clock
        self.on = on
        self._calls: dict[str, deque[float]] = defaultdict(deque)
        self._room: dict[str, tuple[float, float]] = {}

    def wait_for_call(self, method: str, *, tier: int) -> int | None:
        """Seconds until this method may be called again, or None when it may be called now."""
        if not self.on:
            return None
        now, calls = self.clock.now(), self._calls[method]
        while calls and calls[0] <= now - WINDOW:
            calls.popleft()
        if len(calls) < TIERS.get(tier, SPECIAL):
            calls.append(now)
            return None
        return self._seconds(calls[0] + WINDOW - now)

    def wait_for_post(self, channel: str) -> int | None:
        """Seconds until this channel takes another message: one a second, after a small burst."""
        if not self.on:
            return None
        now = self.clock.now()
        room, at = self._room.get(channel, (BURST_OF_POSTS, now))
        room = min(BURST_OF_POSTS, room + (now - at) * POSTS_PER_SECOND)
        if room >= 1:
            self._room[channel] = (room - 1, now)
            return None
        self._room[channel] = (room, now)
        return self._seconds((1 - room) / POSTS_PER_SECOND)

    def _seconds(self, left: float) -> int:
        return max(1, math.ceil(left / self.clock.speed))
