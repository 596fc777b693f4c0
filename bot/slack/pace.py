"""The one place through which every call to Slack goes: paced, limited in time, its errors translated.

Slack counts per method and per channel (https://docs.slack.dev/apis/web-api/rate-limits). Who waits for the same
method goes by importance, then in order. It never repeats a call whose outcome is unknown: that is decided by
whoever knows how to look it up.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import IntEnum
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot import log
from bot.ports import GaveUp, TryAgain
from bot.slack.errors import BAD_BLOCKS, LIMITED, PASSING, Refused
from bot.slack.methods import METHODS, Method

Answer = Mapping[str, Any]

MINUTE = 60.5
"""Slack's window, with room for calls that arrive faster than the ones before them."""
CHANNELS = 1_000
"""Channels above which those are forgotten in which nobody has just spoken."""
POST_EVERY = 1.05
"""Seconds between two messages in one channel."""
SHORTEST = 0.0005
"""Seconds of a pause: one too short for the clock to notice would be paused for ever."""


class First(IntEnum):
    """What goes first when there is not room for everything."""

    OPEN = 0
    CARD = 1
    RESULTS = 2
    DECORATION = 3


class Window:
    """At most `most` calls within any `per` seconds, and none before what Slack asked us to wait for.

    After `burst` calls (default: all) the rest of a window is spread evenly, so that nobody waits for a whole one.
    """

    def __init__(self, most: int, per: float, *, burst: int | None = None) -> None:
        self.most = most
        self.per = per
        self._burst = most if burst is None else burst
        self._calls: deque[float] = deque()
        self._not_before = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next call may be made; 0 when it may be made now."""
        while self._calls and self._calls[0] <= now - self.per:
            self._calls.popleft()
        full = self._calls[-self.most] + self.per - now if len(self._calls) >= self.most else 0.0
        return max(full, self._spread(now), self._not_before - now, 0.0)

    def _spread(self, now: float) -> float:
        """After a burst in equal steps, so that the window is never full: then all would wait for its end."""
        if len(self._calls) < self._burst or self._burst == self.most:
            return 0.0
        return self._calls[-1] + self.per / (self.most - self._burst) - now

    def take(self, now: float) -> None:
        """Count a call."""
        self._calls.append(now)

    def hold(self, until: float) -> None:
        """Allow no call before this."""
        self._not_before = max(self._not_before, until)


def window(method: Method) -> Window:
    """How often a method may be called."""
    return Window(method.per_minute, MINUTE, burst=method.per_minute // 5 if method.even else None)


class Line:
    """Those who wait for one window: the most important first, otherwise whoever came first."""

    def __init__(self, window: Window, *, clock: Callable[[], float]) -> None:
        self.window = window
        self._clock = clock
        self._waiting: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._moved = asyncio.Event()

    async def turn(self, first: First, *, patience: float) -> None:
        """Wait until it is our turn and count the call. Raises TryAgain when that would take too long."""
        ticket = (int(first), next(self._numbers))
        give_up = self._clock() + patience
        heapq.heappush(self._waiting, ticket)
        try:
            while not self._is_next(ticket):
                await self._pause(ticket, give_up)
            self.window.take(self._clock())
        finally:
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            self._move()

    @property
    def idle(self) -> bool:
        """Whether nobody waits, and nobody would have to."""
        return not self._waiting and self.window.wait(self._clock()) == 0

    def _is_next(self, ticket: tuple[int, int]) -> bool:
        return self._waiting[0] == ticket and self.window.wait(self._clock()) == 0

    async def _pause(self, ticket: tuple[int, int], give_up: float) -> None:
        """Sleep until something changes for this ticket; a held-up head also ends by time."""
        now = self._clock()
        wait = self.window.wait(now)
        if now + wait > give_up:
            raise TryAgain("There are too many calls to Slack at once.", reason="paced", after=round(wait, 1))
        limit = max(wait if self._waiting[0] == ticket else give_up - now, SHORTEST)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), limit)

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


class Pace:
    """Calls Slack. `within` limits one call, `patience` the waiting before it, both in seconds."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        *,
        within: float = 10.0,
        patience: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._session = session
        self._within = within
        self._patience = patience
        self._clock = clock
        self._methods = {name: Line(window(m), clock=clock) for name, m in METHODS.items()}
        self._channels: dict[str, Line] = {}
        self._failing = False

    @property
    def failing(self) -> bool:
        """Whether Slack did not do the last thing that it was asked for, and may later."""
        return self._failing

    async def call(self, method: str, *, first: First, **words: Any) -> Answer:
        """Call a Web API method. Raises TryAgain, or Refused with Slack's answer.

        Blocks that Slack does not take are left out: the text says the same.
        """
        for _ in range(3):
            await self._wait(method, first, str(words.get("channel", "")))
            try:
                return await self._once(method, words)
            except Refused as refused:
                if refused.reason not in BAD_BLOCKS or not (words.get("text") and words.get("blocks")):
                    raise
                log.event("slack.plain", level=logging.ERROR, method=method, reason=refused.reason)
                del words["blocks"]
            except TryAgain as busy:
                if busy.reason not in LIMITED:
                    raise
                # Slack did nothing, so repeating is safe; the others wait for the same time.
                self._methods[method].window.hold(self._clock() + (busy.after or 1.0))
                if (busy.after or 1.0) > self._patience:
                    raise
        raise TryAgain(f"Slack keeps asking us to slow down for {method}.", reason="ratelimited", after=30.0)

    async def post(self, url: str, **content: Any) -> None:
        """POST to an address that Slack gave us (an answer, an upload). Raises TryAgain or GaveUp."""
        try:
            async with (
                asyncio.timeout(self._within),
                self._session.post(url, allow_redirects=False, **content) as got,
            ):
                await got.read()
                status = got.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryAgain(f"Slack did not answer: {_named(error)}.", reason="away") from error
        if status == 429 or status >= 500:
            raise TryAgain(f"Slack answered {status}.", reason=f"http-{status}", after=_seconds(got.headers))
        if status != 200:
            raise GaveUp(f"Slack answered {status}.", reason=f"http-{status}", fix="Ask again.")

    async def _wait(self, method: str, first: First, channel: str) -> None:
        if method == "chat.postMessage":
            line = self._channels.setdefault(channel, Line(Window(1, POST_EVERY), clock=self._clock))
            await line.turn(first, patience=self._patience)
            if len(self._channels) > CHANNELS:
                self._channels = {at: line for at, line in self._channels.items() if not line.idle}
        await self._methods[method].turn(first, patience=self._patience)

    async def _once(self, method: str, words: Mapping[str, Any]) -> Answer:
        """The boundary: whatever the SDK and the network raise ends here."""
        bound: Callable[..., Awaitable[Any]] = getattr(self._client, method.replace(".", "_"))
        try:
            async with asyncio.timeout(self._within):
                got = await bound(**words)
            answer: Answer = {**got.data, "headers": dict(got.headers)}
        except SlackApiError as error:
            raise self._noted(method, _refusal(method, error.response)) from error
        except SlackClientError as error:
            raise self._noted(method, GaveUp(f"{method} could not be sent.", reason="client")) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            # It may still be at work on it: who looks for what came of it must not look too soon.
            after = self._within if isinstance(error, TimeoutError) else None
            gone = TryAgain(f"Slack did not answer {method}: {_named(error)}.", reason="away", after=after)
            raise self._noted(method, gone) from error
        except (AttributeError, TypeError, ValueError) as error:
            # The SDK takes a proxy's page for an answer and stumbles over it; the call may have been made.
            odd = TryAgain(f"What answered {method} was not Slack.", reason="not-slack")
            raise self._noted(method, odd) from error
        if self._failing:
            self._failing = False
            log.event("slack.back", method=method)
        return answer

    def _noted(self, method: str, error: TryAgain | GaveUp) -> TryAgain | GaveUp:
        """Log a Slack that starts failing, not each failure."""
        if isinstance(error, TryAgain) and not self._failing:
            self._failing = True
            log.event("slack.failing", level=logging.WARNING, method=method, reason=error.reason)
        return error


def _refusal(method: str, response: Any) -> TryAgain | GaveUp:
    """What an answer that is not `ok` means."""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    headers = getattr(response, "headers", {})
    data = getattr(response, "data", None)
    answer: Answer = data if isinstance(data, dict) else {}
    code = str(answer.get("error") or "")
    if status == 429 or code in LIMITED:
        after = _seconds(headers) or 1.0
        return TryAgain(f"Slack asks us to wait {after:g} s for {method}.", reason="ratelimited", after=after)
    if status >= 500 or code in PASSING:
        return TryAgain(f"Slack could not do {method}: {code or status}.", reason=code or f"http-{status}")
    if code:
        return Refused(method, reason=code, answer=answer)
    if 400 <= status < 500:
        fix = "Check SLACK_API_URL and the proxies on the way to Slack."
        return GaveUp(f"{method} was answered with {status}.", reason=f"http-{status}", fix=fix)
    return TryAgain(f"What answered {method} was not Slack.", reason="not-slack")


def _seconds(headers: Mapping[str, str]) -> float | None:
    """What Retry-After says, in seconds."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return float(value) if value.strip().isdecimal() else None


def _named(error: BaseException) -> str:
    return type(error).__name__
