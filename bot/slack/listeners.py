"""The way in: what Slack sends, heard (that is, on disk) before it is acknowledged, over whichever transport.

Bolt acknowledges events before a listener runs and keeps listeners in tasks that nobody holds; so here every
listener runs before the response (`process_before_response`) and does nothing but hand over what was said.
What a kind of payload means is told by its reader; `Listeners.on` takes one more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot import log
from bot.said import Said
from bot.slack.hearing import Payload, from_click, from_command, from_mention

NOT_SAVED = "Could not save that, nothing was done; try again."
SORRY_WITHIN = 1.5
"""Seconds for saying that something went wrong; Slack waits three in all."""

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_ANY = re.compile(r"[\s\S]*")


class Ear(Protocol):
    """Whoever keeps what people say and sees to it that it is done."""

    async def hear(self, said: Said) -> None:
        """Store it durably and schedule the work; the same key twice is one. Raises TryAgain when it cannot."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a payload means: `said` is on disk before the ack, `ack` is the ack's body, `then` runs right after it."""

    said: Said | None = None
    ack: Mapping[str, Any] | None = None
    then: Callable[[], Coroutine[Any, Any, None]] | None = None


Reader = Callable[[Payload], Awaitable[Heard]]
"""Calls nobody outside and ends within milliseconds; what needs Slack is for `then`. What it raises is not acked."""


class Listeners:
    """What Slack sends. `whoami` gives our bot user's id and bot id, `team` our workspace's, empty while unknown.

    Without a signing secret nothing is taken over HTTP: everybody could have signed with an empty one.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        signing_secret: str,
        ear: Ear,
        now: Callable[[], datetime],
        command: str = "/incident",
        whoami: Callable[[], tuple[str, str]] = lambda: ("", ""),
        team: Callable[[], str] = str,
    ) -> None:
        self._ear = ear
        self._team = team
        self._now = now
        self._readers: dict[str, Reader] = {}
        self._afterwards: set[asyncio.Task[None]] = set()
        self._verifier = SignatureVerifier(signing_secret, clock=_Clock(now)) if signing_secret else None
        self.app = AsyncApp(
            logger=_quiet(),
            client=client,
            signing_secret=signing_secret,
            authorize=_authorizer(client, whoami),
            process_before_response=True,
            request_verification_enabled=False,  # done in `handle`, where every bad header is a 401
        )
        self._listen(command)
        self.on("command", self._on_command)
        self.on("app_mention", self._on_mention)
        self.on("block_actions", self._on_click)

    def on(self, kind: str, reader: Reader) -> None:
        """Let this reader tell what payloads of a kind mean; the last one that says so does.

        A kind is an event's type, `command`, or the type of an interaction, which may name its callback or action,
        too: `view_submission`, `view_submission:declare`, `message_action:add_to_timeline`, `block_actions:fold`.
        """
        self._readers[kind] = reader

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of payloads that somebody reads; all others are taken and forgotten."""
        return frozenset(self._readers)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer `POST /slack/events`: commands, clicks, events. 401 unless Slack signed it within 5 minutes."""
        body = (await request.read()).decode("utf-8", "replace")
        if self._verifier is None:
            return web.Response(status=404, text="Slack speaks to this bot over Socket Mode.")
        if _is_ssl_check(body):
            return web.Response(status=200)  # and nothing else: it is not signed
        if refusal := self._refusal(request, body, self._verifier):
            log.event("slack.refused", level=logging.WARNING, why=refusal, remote=request.remote)
            return web.Response(status=401, text=refusal)
        try:
            asked = AsyncBoltRequest(body=body, query=request.query_string, headers=dict(request.headers))
        except (ValueError, AttributeError, TypeError) as unreadable:
            log.event("slack.unreadable", level=logging.WARNING, error=type(unreadable).__name__)
            return web.Response(status=400, text="The body is not what Slack sends.")
        if not asked.body.get("actions", True):  # a click on nothing, over which Bolt stumbles
            return web.Response(status=400, text="The body is not what Slack sends.")
        answer = await self.app.async_dispatch(asked)
        if answer.status == 404:  # nobody listens for this kind: taken, so that Slack does not send it again
            log.event("slack.unmatched", kind=str(asked.body.get("type", "")))
            return web.Response(status=200)
        return await to_aiohttp_response(answer)

    async def take(self, payload: dict[str, Any]) -> Mapping[str, Any] | None:
        """Hear what came through a socket; the content of its ack, None when it must be sent again."""
        if not payload.get("actions", True):
            return {}
        answer = await self.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=payload))
        if answer.status == 404:
            log.event("slack.unmatched", kind=next(kinds(payload), ""))
            return {}
        if answer.status != 200:
            return None
        content: Mapping[str, Any] = json.loads(answer.body) if answer.body else {}
        return content

    def _refusal(self, request: web.Request, body: str, verifier: SignatureVerifier) -> str:
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not _STAMP.fullmatch(stamp) or not _SIGNATURE.fullmatch(signature):
            return "The signature headers are missing or not Slack's."
        if abs(self._now().timestamp() - int(stamp)) > 300:
            return "The request is older than 5 minutes, or a clock is wrong."
        if not verifier.is_valid(body=body, timestamp=stamp, signature=signature):
            return "The signature is wrong."
        return ""

    def _listen(self, command: str) -> None:
        self.app.command(command)(self._take)
        for interaction in (self.app.action, self.app.shortcut, self.app.view_submission, self.app.view_closed):
            interaction(_ANY)(self._take)
        self.app.event(_ANY)(self._take)
        self.app.error(self._sorry)

    async def _take(self, body: dict[str, Any]) -> BoltResponse:
        """Keep what was said, then give the ack. What nobody reads is taken, so that Slack does not send it again."""
        reader = next((self._readers[kind] for kind in kinds(body) if kind in self._readers), None)
        heard = await reader(body) if reader else Heard()
        if heard.said:
            await self._ear.hear(heard.said)
        if heard.then:
            self._afterwards.add(task := asyncio.create_task(heard.then()))
            task.add_done_callback(self._ended)
        return BoltResponse(status=200, body="" if heard.ack is None else json.dumps(heard.ack))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._afterwards.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.event("slack.afterwards", level=logging.ERROR, error=f"{type(error).__name__}: {error}")

    async def _on_command(self, body: Payload) -> Heard:
        return Heard(said=from_command(body, now=self._now()))

    async def _on_mention(self, body: Payload) -> Heard:
        return Heard(said=from_mention(body))

    async def _on_click(self, body: Payload) -> Heard:
        return Heard(said=from_click(body, team=self._team()))

    async def _sorry(self, error: Exception, body: dict[str, Any]) -> BoltResponse:
        """Hearing failed, whatever the reason: say so to people, and let Slack send events again."""
        kind = "command" if "command" in body else str(body.get("type", ""))
        log.event("slack.not-heard", level=logging.ERROR, kind=kind, error=f"{type(error).__name__}: {error}")
        if kind == "command":
            return BoltResponse(status=200, body=json.dumps({"response_type": "ephemeral", "text": NOT_SAVED}))
        if kind == "view_submission" and (block := _first_input(body)):
            errors = {
                "response_action": "errors",
                "errors": {block: NOT_SAVED},
            }  # the form stays, with all that is in it
            return BoltResponse(status=200, body=json.dumps(errors))
        if kind in {"block_actions", "message_action"}:
            await self._tell(str(body.get("response_url") or ""))
        return BoltResponse(status=503, body="")

    async def _tell(self, url: str) -> None:
        """Say it to whoever clicked; the 503 shows them a warning anyway when this does not arrive."""
        session = self.app.client.session
        if not url or session is None:
            return
        content = {"text": NOT_SAVED, "response_type": "ephemeral", "replace_original": False}
        try:
            async with asyncio.timeout(SORRY_WITHIN), session.post(url, json=content):
                pass
        except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
            log.event("slack.not-told", level=logging.WARNING, error=type(failed).__name__)


def _authorizer(
    client: AsyncWebClient, whoami: Callable[[], tuple[str, str]]
) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Never asks Slack: an auth.test that fails would let Bolt swallow the request with a 200."""

    async def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        user, bot = whoami()
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_user_id=user or None,
            bot_id=bot or None,
            bot_token=client.token,
        )

    return authorize


def kinds(body: Payload) -> Iterator[str]:
    """What a payload may be called, the most exact name first."""
    if "command" in body:
        yield "command"
    elif "event" in body:
        yield str(body["event"].get("type", ""))
    else:
        kind = str(body.get("type", ""))
        actions = body.get("actions") or [{}]
        named = actions[0].get("action_id") or body.get("callback_id") or (body.get("view") or {}).get("callback_id")
        yield f"{kind}:{named}"
        yield kind


def _first_input(body: Payload) -> str:
    blocks = (body.get("view") or {}).get("blocks", ())
    return next((str(block["block_id"]) for block in blocks if block.get("type") == "input"), "")


class _Clock(Clock):
    """Our clock, as the SDK's verifier wants it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()


def _is_ssl_check(body: str) -> bool:
    """Slack looks at our certificate now and then."""
    return "ssl_check" in body and not body.startswith("{") and parse_qs(body).get("ssl_check") == ["1"]


def _quiet() -> logging.Logger:
    """Bolt quotes whole request bodies in its warnings; only its errors are wanted."""
    logger = logging.getLogger("slack_bolt")
    logger.setLevel(logging.ERROR)
    return logger
