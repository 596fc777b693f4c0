"""The way from the workspace to the app: signed requests or envelopes, retries, triggers and response URLs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.lab.workspace_payloads import event_callback
from bot.lab.workspace_socket import Socket
from bot.lab.workspace_state import JSON, SlackError, State

FORM = "application/x-www-form-urlencoded"
ACK_WITHIN = 3.0
"""Seconds of real time in which an app must answer."""
TRIGGER_LIVES = 3.0
RESPONSE_URL_LIVES = 30 * 60.0
RESPONSE_URL_USES = 5
RETRIES_AFTER = (1.0, 60.0, 300.0)
"""Seconds between one failed delivery of an event and the next."""


@dataclass(frozen=True, kw_only=True)
class Ack:
    """How the app answered: the status (0: not at all) and, when there is none, why."""

    status: int
    body: str = ""
    problem: str = ""
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        """Was it taken?"""
        return self.status == 200

    def value(self) -> JSON:
        """The body as JSON; a plain text becomes `{"text": …}`."""
        if not self.body.strip():
            return {}
        try:
            read = json.loads(self.body)
        except json.JSONDecodeError:
            return {"text": self.body}
        return read if isinstance(read, dict) else {"text": str(read)}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request to the app: what, the attempt (0: the first) and the status of the answer."""

    at: float
    kind: str
    payload: JSON
    attempt: int
    status: int


@dataclass(kw_only=True)
class ResponseUrl:
    """An address that an app may answer to, a few times and for a while."""

    user: str
    channel: str
    until: float
    message: JSON | None = None
    used: int = 0


def signed(body: bytes, *, secret: str, now: float) -> dict[str, str]:
    """The two headers that prove where a request comes from (v0 signatures)."""
    stamp = str(int(now))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


class Outgoing:
    """Sends to one app. `request_url` may change while the app is being restarted."""

    def __init__(
        self, state: State, socket: Socket, *, request_url: str | None, signing_secret: str, events: frozenset[str]
    ) -> None:
        self.state = state
        self.socket = socket
        self.socket_mode = False
        self.request_url = request_url
        self.signing_secret = signing_secret
        self.events = events
        self.ack_within = ACK_WITHIN
        self.sent: list[Sent] = []
        self.recorded: Callable[[], None] = lambda: None
        self.response_urls: dict[str, ResponseUrl] = {}
        self._triggers: dict[str, tuple[str, float]] = {}
        self._exchanged: set[str] = set()
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the session; everything runs on this loop from now on."""
        self._session = aiohttp.ClientSession(trust_env=False)

    async def stop(self) -> None:
        """Give up the retries and close the session."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def new_trigger(self, user: str) -> str:
        """A trigger for one modal, within three seconds."""
        trigger = f"{int(self.state.clock.now() * 1000)}.{self.state.next_id('t')}"
        self._triggers[trigger] = (user, self.state.clock.now() + TRIGGER_LIVES)
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """Whose trigger this is; it cannot be used again. Raises the SlackError that fits."""
        if trigger in self._exchanged:
            raise SlackError("exchanged_trigger_id")
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user, until = self._triggers[trigger]
        if self.state.clock.now() > until:
            raise SlackError("expired_trigger_id")
        self._exchanged.add(trigger)
        return user

    def exchanged(self, trigger: str) -> bool:
        """Has this trigger opened a modal?"""
        return trigger in self._exchanged

    def new_response_url(self, *, user: str, channel: str, message: JSON | None = None) -> str:
        """An address for answers to one command or click."""
        name = self.state.next_id("r")
        until = self.state.clock.now() + RESPONSE_URL_LIVES
        self.response_urls[name] = ResponseUrl(user=user, channel=channel, until=until, message=message)
        return f"{self.state.base_url}/response/{name}"

    async def command(self, form: JSON) -> Ack:
        """Send a slash command."""
        body = urlencode(form).encode()
        return await self._send("command", body, FORM, form)

    async def interact(self, payload: JSON) -> Ack:
        """Send a click, a submitted view or a shortcut."""
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return await self._send(str(payload["type"]), body, FORM, payload)

    def event(self, event: JSON) -> None:
        """Deliver an event if the app subscribed to it and may hear it, with Slack's retries."""
        if self._subscribed(event) and self._may_hear(event):
            now, event_id = self.state.clock.now(), self.state.next_id("Ev")
            self.in_background(self._deliver(event_callback(event, event_id=event_id, now=now, bot=self.state.bot.id)))

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for; it ends with the workspace."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _subscribed(self, event: JSON) -> bool:
        kind = str(event["type"])
        return (f"{kind}.{event.get('channel_type', '')}s" if kind == "message" else kind) in self.events

    def _may_hear(self, event: JSON) -> bool:
        """Events of channels reach the app where its bot is a member."""
        about = event.get("channel") or event.get("item", {}).get("channel")
        channel = self.state.channels.get(about["id"] if isinstance(about, dict) else str(about))
        return event["type"] == "app_home_opened" or (channel is not None and self.state.bot.id in channel.members)

    async def _deliver(self, callback: JSON) -> None:
        reason = ""
        for attempt, wait in enumerate((0.0, *RETRIES_AFTER)):
            if attempt:
                await self.state.clock.sleep(wait)
            ack = await self.callback(callback, attempt=attempt, reason=reason)
            if ack.ok or ack.no_retry:
                return
            reason = ack.problem or "http_error"

    async def callback(self, callback: JSON, *, attempt: int = 0, reason: str = "") -> Ack:
        """Send the envelope of an event once."""
        body = json.dumps(callback).encode()
        return await self._send("event_callback", body, "application/json", callback, attempt=attempt, reason=reason)

    async def _send(
        self, kind: str, body: bytes, content_type: str, payload: JSON, *, attempt: int = 0, reason: str = ""
    ) -> Ack:
        if self.socket_mode:
            ack = await self._through_socket(kind, payload, attempt=attempt, reason=reason)
        else:
            signature = signed(body, secret=self.signing_secret, now=time.time())
            retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
            headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0", **signature, **retry}
            ack = await self._post(body, headers)
        now = self.state.clock.now()
        self.sent.append(Sent(at=now, kind=kind, payload=payload, attempt=attempt, status=ack.status))
        self.recorded()
        return ack

    async def _through_socket(self, kind: str, payload: JSON, *, attempt: int, reason: str) -> Ack:
        try:
            said = await self.socket.send(kind, payload, attempt=attempt, reason=reason, within=self.ack_within)
        except TimeoutError:
            return Ack(status=0, problem="http_timeout")
        except ConnectionError:
            return Ack(status=0, problem="connection_failed")
        return Ack(status=200, body=json.dumps(said) if said else "")

    async def _post(self, body: bytes, headers: dict[str, str]) -> Ack:
        if self.request_url is None or self._session is None:
            return Ack(status=0, problem="connection_failed")
        limit = aiohttp.ClientTimeout(total=self.ack_within)
        try:
            async with self._session.post(self.request_url, data=body, headers=headers, timeout=limit) as answer:
                no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
                return Ack(status=answer.status, body=await answer.text(), no_retry=no_retry)
        except TimeoutError:
            return Ack(status=0, problem="http_timeout")
        except aiohttp.ClientError:
            return Ack(status=0, problem="connection_failed")
