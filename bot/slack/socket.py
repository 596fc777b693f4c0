"""Socket Mode: Slack reaches us through connections that we open. What comes is on disk before it is acknowledged.

The SDK's client may knock at one outdated address for ever and cannot tell a silent connection from a quiet one
(https://github.com/slackapi/python-slack-sdk/issues/1110). So here every connection gets an address of its own, every
step has an end, who gives no sign of life is left, and one that is about to end is left only when the next one hears.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from bot import log
from bot.ports import GaveUp, TryAgain
from bot.slack.pace import First, Pace

Frame = dict[str, Any]
Take = Callable[[Frame], Awaitable[Mapping[str, Any] | None]]
"""Hears a payload; the content of its ack, None when it could not be kept and must be sent again."""

CLOSING = 2.0
"""Seconds that the other side has for saying goodbye."""
PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds before the next attempt, after so many that failed."""
TOKEN = "Put an app-level token (xapp-…) with the scope connections:write into SLACK_APP_TOKEN."  # noqa: S105 - no secret
LIVES = (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """In seconds: for each `step` of connecting; between two pings; of silence that means that nobody is there;
    for which an old connection is read beside its successor; after which every connection is renewed."""

    step: float = 10.0
    ping: float = 3.0
    silence: float = 20.0
    linger: float = 15.0
    renew: float = 900.0


class Socket:
    """Keeps a connection that hears. `session` is the application's one, `take` hears."""

    def __init__(
        self,
        pace: Pace,
        session: aiohttp.ClientSession,
        *,
        app_token: str,
        take: Take,
        now: Callable[[], datetime],
        limits: Limits = Limits(),
    ) -> None:
        self._pace = pace
        self._session = session
        self._token = app_token
        self._take = take
        self._now = now
        self._limits = limits
        self._open: dict[_Connection, asyncio.Task[None]] = {}
        self._problem = "no connection yet"
        self._heard_until: datetime | None = None

    @property
    def heard_until(self) -> datetime | None:
        """The last sign of life from Slack; None before the first."""
        return self._heard_until

    def deaf(self) -> str:
        """Empty while Slack can reach us, else why it cannot."""
        if any(connection.hears for connection in self._open):
            return ""
        ending = next(reversed(self._open), None)  # it hears no more, and is being closed
        return f"it cannot reach us: {ending.why if ending else self._problem}"

    async def run(self) -> None:
        """Keep a connection until cancelled; then what has come is still heard and acknowledged."""
        failures = 0
        try:
            while True:
                await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
                connection = await self._connect()
                began = self._now()
                if connection:
                    await _within(self._limits.renew, connection.leaving)
                short = connection is None or (self._now() - began).total_seconds() < self._limits.silence
                failures = failures + 1 if short else 0
        finally:
            await self._close()

    async def _connect(self) -> _Connection | None:
        """A connection that has said hello; those before it end a little later. None when there is none to be had."""
        try:
            connection = await self._opened()
        except (TryAgain, GaveUp) as problem:
            self._say(f"{problem} {problem.fix}" if isinstance(problem, GaveUp) else str(problem))
            await asyncio.sleep(min(getattr(problem, "after", None) or 0.0, PAUSES[-1]))
            return None
        for reading in self._open.values():
            asyncio.get_running_loop().call_later(self._limits.linger, reading.cancel)
        self._open[connection] = task = asyncio.create_task(connection.read())
        task.add_done_callback(lambda _: self._ended(connection))
        return connection

    async def _opened(self) -> _Connection:
        try:
            asked = await self._pace.call("apps.connections.open", first=First.OPEN, app_token=self._token)
        except GaveUp as refused:
            raise GaveUp(str(refused), reason=refused.reason, fix=TOKEN) from refused
        try:
            async with asyncio.timeout(self._limits.step):
                web_socket = await self._session.ws_connect(
                    str(asked.get("url", "")),
                    autoping=False,
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSING),
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryAgain(f"the connection was not made ({type(error).__name__})", reason="away") from error
        connection = _Connection(web_socket, take=self._take, alive=self._alive, limits=self._limits)
        try:
            await connection.hello()
        except BaseException:
            await web_socket.close()
            raise
        return connection

    def _alive(self) -> None:
        self._heard_until = self._now()

    def _ended(self, connection: _Connection) -> None:
        self._open.pop(connection, None)
        if not any(other.hears for other in self._open):
            self._say(connection.why)

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            log.event("socket.deaf", level=logging.WARNING, why=problem)
        self._problem = problem

    async def _close(self) -> None:
        reading = list(self._open.values())
        for task in reading:
            task.cancel()
        if reading:
            await asyncio.wait(reading, timeout=self._limits.step)


class _Connection:
    """One connection: says who is there, reads, answers. `alive` is told of each sign of life."""

    def __init__(
        self, web_socket: aiohttp.ClientWebSocketResponse, *, take: Take, alive: Callable[[], None], limits: Limits
    ) -> None:
        self._socket = web_socket
        self._take = take
        self._alive = alive
        self._limits = limits
        self._at_work: set[asyncio.Task[None]] = set()
        self.leaving = asyncio.Event()
        self.hears = False
        self.why = "the connection ended"

    async def hello(self) -> None:
        """Wait until Slack counts on this connection. Raises TryAgain when it says something else, or nothing."""
        try:
            async with asyncio.timeout(self._limits.step):
                frame = await self._next()
        except TimeoutError:
            frame = None
        if frame is None or frame.get("type") != "hello":
            said = (frame or {}).get("reason") or (frame or {}).get("type") or "nothing"
            raise TryAgain(f"instead of hello Slack said {said}", reason="no-hello")
        self.hears = True
        log.event("socket.hears", connections=frame.get("num_connections"))

    async def read(self) -> None:
        """Read until it ends, is silent, or is cancelled; then finish what has come and close."""
        pings = asyncio.create_task(self._ping())
        try:
            while frame := await self._next():
                self._got(frame)
        except TimeoutError:
            self.why = "the connection was silent"
        finally:
            self.hears = False
            self.leaving.set()
            pings.cancel()
            if self._at_work:
                await asyncio.wait(self._at_work, timeout=self._limits.step)
            await self._socket.close()

    def _got(self, frame: Frame) -> None:
        if frame.get("type") == "disconnect":
            self.why = f"Slack ended the connection ({frame.get('reason', 'no reason')})"
            log.event("socket.ends", reason=frame.get("reason"))
            self.leaving.set()
        elif isinstance(frame.get("payload"), dict) and frame.get("envelope_id"):
            self._at_work.add(task := asyncio.create_task(self._answer(frame)))
            task.add_done_callback(self._answered)

    async def _answer(self, envelope: Frame) -> None:
        """Hear it, then say so. Without an ack Slack sends it again."""
        said = await self._take(envelope["payload"])
        if said is None:
            return
        ack = {"envelope_id": envelope["envelope_id"]}
        content = {"payload": dict(said)} if said and envelope.get("accepts_response_payload") else {}
        try:
            await self._socket.send_json({**ack, **content})
        except (aiohttp.ClientError, ConnectionError) as gone:
            log.event("socket.not-acked", level=logging.WARNING, error=type(gone).__name__)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.event("socket.broken", level=logging.ERROR, error=f"{type(error).__name__}: {error}")

    async def _ping(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._limits.ping)
                await self._socket.ping()
        except (aiohttp.ClientError, ConnectionError):
            pass  # whoever reads sees that it has ended

    async def _next(self) -> Frame | None:
        """The next frame; None at the end. Raises TimeoutError when there is no sign of life."""
        while True:
            message = await self._socket.receive(timeout=self._limits.silence)
            if message.type not in LIVES:
                return None
            self._alive()
            if message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                return _frame(message.data)


def _frame(text: str) -> Frame:
    """What a message says; nothing that we know when it is not a JSON object."""
    try:
        frame = json.loads(text)
    except ValueError:
        frame = None
    return frame if isinstance(frame, dict) else {"type": "unreadable"}


async def _within(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
