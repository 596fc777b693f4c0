"""Messages of ours that came out twice: Slack may carry out a call long after nobody waited for it any more.

Whoever posts again what could not be found remembers it here for a while; then it is looked for, and of two messages
with the same key only the one that we go on with is left.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bot import log
from bot.ports import GaveUp
from bot.slack.pace import Answer, First, Pace

LOOKS = (15.0, 60.0, 300.0, 1_800.0)
"""Seconds after posting again at which a late twin is looked for."""
MOST = 1_000
"""So many messages are looked after at once; beyond that the oldest are forgotten."""

Recent = Callable[[str, str], Awaitable[Sequence[Answer]]]
"""The last messages of a channel, or of a thread in it."""


@dataclass(frozen=True, kw_only=True)
class _Doubtful:
    """A message that was posted again, and how often it was looked for a twin of it."""

    channel: str
    thread: str
    kept: str
    since: float
    looks: int = 0


class Doublets:
    """Finds late twins and takes them away. `recent` reads messages, `key_of` tells the key of one of ours."""

    def __init__(
        self, pace: Pace, *, recent: Recent, key_of: Callable[[Answer], str], clock: Callable[[], float]
    ) -> None:
        self._pace = pace
        self._recent = recent
        self._key_of = key_of
        self._clock = clock
        self._doubtful: dict[str, _Doubtful] = {}

    def posted_again(self, key: str, channel: str, message: str, thread: str = "") -> None:
        """This is the message that we go on with; an earlier attempt may still come out."""
        self._doubtful.pop(key, None)
        self._doubtful[key] = _Doubtful(channel=channel, thread=thread, kept=message, since=self._clock())
        if len(self._doubtful) > MOST:
            del self._doubtful[next(iter(self._doubtful))]

    def found(self, key: str, message: str) -> None:
        """This one was found instead, and it is the one that we go on with."""
        if known := self._doubtful.get(key):
            self._doubtful[key] = replace(known, kept=message)

    async def tidy(self) -> None:
        """Look for twins where it is time to. Raises TryAgain: then nothing is forgotten."""
        now = self._clock()
        for key, one in list(self._doubtful.items()):
            if now - one.since >= LOOKS[one.looks]:
                await self._look(key, one)

    async def _look(self, key: str, one: _Doubtful) -> None:
        try:
            seen = [str(m["ts"]) for m in await self._recent(one.channel, one.thread) if self._key_of(m) == key]
            if one.kept in seen:  # else somebody deleted ours, and the twin may be what we go on with
                for twin in (ts for ts in seen if ts != one.kept):
                    await self._pace.call("chat.delete", first=First.RESULTS, channel=one.channel, ts=twin)
                    log.event("slack.doublet", key=key)
        except GaveUp as refused:
            log.event("slack.doublet-stays", level=logging.WARNING, key=key, reason=refused.reason)
        looked = replace(one, looks=one.looks + 1)
        if self._doubtful.get(key) is not one:
            return  # it was posted once more meanwhile
        if looked.looks < len(LOOKS):
            self._doubtful[key] = looked
        else:
            del self._doubtful[key]
