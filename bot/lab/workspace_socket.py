"""Socket Mode from Slack's side: tickets, connections of the app, envelopes and their acks; and how they go wrong.

workspace.socket_mode = True        # from now on everything goes through connections of the app
workspace.socket.wedge()            # the connections that are open now say nothing any more, not even pong
await workspace.socket.disconnect("warning")
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import OrderedDict

import aiohttp
from aiohttp import web

from bot.lab.workspace_clock import Clock
from bot.lab.workspace_state import APP_ID, JSON, SlackError

MOST = 10
"""Connections of one app."""
TICKET_LIVES = 30.0
"""Seconds in which an address may be used, once."""
WARNED = 10.0
"""Seconds between the warning and the end of a connection."""
LIVES_FOR = 18_060
PING_EVERY = 10.0
KINDS = {"command": "slash_commands", "event_callback": "events_api"}
"""The type of an envelope, where it is not `interactive`."""


class Socket:
    """The connections of one app. `refusing`: so many handshakes are still refused."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.base_url = ""
        self.tickets = 0
        self.refusing = 0
        self.open: list[Connection] = []
        self._valid: OrderedDict[str, float] = OrderedDict()
        self._turns = itertools.count()
        self._envelopes = itertools.count(1)

    def ticket(self) -> str:
        """A new address for one connection."""
        if self.base_url == "":
            raise SlackError("internal_error")
        self.tickets += 1
        name = f"ticket-{self.tickets}"
        self._valid[name] = self.clock.now() + TICKET_LIVES
        return f"{self.base_url.replace('http', 'ws', 1)}/link?ticket={name}&app_id={APP_ID}"

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Take a connection; refuse one whose address is used up or too old."""
        until = self._valid.pop(request.query.get("ticket", ""), 0.0)
        if self.refusing:
            self.refusing -= 1
            return web.Response(status=408)
        if self.clock.now() > until:
            return web.Response(status=408)
        web_socket = web.WebSocketResponse(autoping=False)
        await web_socket.prepare(request)
        connection = Connection(web_socket, request)
        if len(self.open) >= MOST:
            await connection.goodbye("too_many_websockets")
            return web_socket
        self.open.append(connection)
        pings = asyncio.ensure_future(connection.ping())
        try:
            await connection.hello(len(self.open))
            await connection.read()
        finally:
            pings.cancel()
            self._left(connection)
        return web_socket

    def _left(self, connection: Connection) -> None:
        if connection in self.open:
            self.open.remove(connection)

    async def send(self, kind: str, payload: JSON, *, attempt: int, reason: str, within: float) -> JSON:
        """Send an envelope through any one of the connections; the content of its ack.

        Raises ConnectionError when there is none, TimeoutError when there is no ack.
        """
        if not self.open:
            raise ConnectionError("the app has no connection")
        connection = self.open[next(self._turns) % len(self.open)]
        envelope: JSON = {
            "envelope_id": f"envelope-{next(self._envelopes)}",
            "type": KINDS.get(kind, "interactive"),
            "payload": payload,
            "accepts_response_payload": kind != "event_callback",
        }
        if kind == "event_callback":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        async with asyncio.timeout(within):
            return await connection.ask(envelope)

    def wedge(self) -> None:
        """What is open now goes deaf and dumb without ending, as behind a firewall that forgot it."""
        for connection in self.open:
            connection.wedged = True

    def cut(self) -> None:
        """Cut every connection, as a network does."""
        for connection in list(self.open):
            connection.cut()
            self._left(connection)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every connection that it ends; `warning` leaves it ten seconds, other reasons none."""
        for connection in list(self.open):
            await connection.goodbye(reason)
            if reason != "warning":
                self._left(connection)


class Connection:
    """One connection of the app."""

    def __init__(self, web_socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = web_socket
        self._request = request
        self._asked: dict[str, asyncio.Future[JSON]] = {}
        self.wedged = False

    async def hello(self, number: int) -> None:
        """Say that this connection counts."""
        debug = {"host": "applink-lab", "build_number": 1, "approximate_connection_time": LIVES_FOR}
        info = {"app_id": APP_ID}
        hello = {"type": "hello", "num_connections": number, "debug_info": debug, "connection_info": info}
        await self._socket.send_json(hello)

    async def read(self) -> None:
        """Take acks and answer pings until it ends."""
        async for message in self._socket:
            if self.wedged:
                continue
            if message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._acked(json.loads(message.data))

    def _acked(self, ack: JSON) -> None:
        asked = self._asked.get(str(ack.get("envelope_id")))
        if asked is not None and not asked.done():
            asked.set_result(ack.get("payload") or {})

    async def ping(self) -> None:
        """As long as it is open."""
        while not self._socket.closed:
            await asyncio.sleep(PING_EVERY)
            if not self.wedged:
                await self._socket.ping(b"Ping from applink-lab")

    async def ask(self, envelope: JSON) -> JSON:
        """Send an envelope and wait for its ack."""
        name = str(envelope["envelope_id"])
        self._asked[name] = asyncio.get_running_loop().create_future()
        try:
            if not self.wedged:
                await self._socket.send_json(envelope)
            return await self._asked[name]
        finally:
            del self._asked[name]

    async def goodbye(self, reason: str) -> None:
        """Say why it ends, and end it."""
        if not self.wedged:
            said = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-lab"}}
            await self._socket.send_json(said)
        if reason == "warning":
            asyncio.get_running_loop().call_later(WARNED, self.cut)
        else:
            await self._socket.close()

    def cut(self) -> None:
        """Cut it without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()
