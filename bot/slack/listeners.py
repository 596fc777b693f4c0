"""The way in: Slack's signed requests, heard (that is, on disk) before they are acknowledged.

Bolt acknowledges events before a listener runs and keeps listeners in tasks that nobody holds; so here every
listener runs before the response (`process_before_response`) and does nothing but hand over what was said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot import log
from bot.said import Said
from bot.slack.hearing import from_click, from_command, from_mention

NOT_SAVED = "Could not save that, nothing was done; try again."
DOUBLE_CLICK = 2.0
"""Seconds within which the same click of the same person is one."""
SORRY_WITHIN = 1.5
"""Seconds for saying that something went wrong; Slack waits three in all."""

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_ANY = re.compile(r"[\s\S]*")


class Ear(Protocol):
    """Whoever keeps what people say and sees to it that it is done."""

    async def hear(self, said: Said) -> None:
        """Store it durably and schedule the work; the same key twice is one. Raises TryAgain when it cannot."""


class Listeners:
    """Slack's requests over HTTP. `whoami` gives our bot user's id and bot id, empty while unknown."""

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        signing_secret: str,
        ear: Ear,
        now: Callable[[], datetime],
        command: str = "/incident",
        whoami: Callable[[], tuple[str, str]] = lambda: ("", ""),
    ) -> None:
        self._ear = ear
        self._now = now
        self._clicks: OrderedDict[tuple[str, ...], Said] = OrderedDict()
        self._verifier = SignatureVerifier(signing_secret, clock=_Clock(now))
        self.app = AsyncApp(
            logger=_quiet(),
            client=client,
            signing_secret=signing_secret,
            authorize=_authorizer(client, whoami),
            process_before_response=True,
            request_verification_enabled=False,  # done in `handle`, where every bad header is a 401
        )
        self._listen(command)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer `POST /slack/events`: commands, clicks, events. 401 unless Slack signed it within 5 minutes."""
        body = (await request.read()).decode("utf-8", "replace")
        if _is_ssl_check(body):
            return web.Response(status=200)  # and nothing else: it is not signed
        if refusal := self._refusal(request, body):
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

    def _refusal(self, request: web.Request, body: str) -> str:
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not _STAMP.fullmatch(stamp) or not _SIGNATURE.fullmatch(signature):
            return "The signature headers are missing or not Slack's."
        if abs(self._now().timestamp() - int(stamp)) > 300:
            return "The request is older than 5 minutes, or a clock is wrong."
        if not self._verifier.is_valid(body=body, timestamp=stamp, signature=signature):
            return "The signature is wrong."
        return ""

    def _listen(self, command: str) -> None:
        self.app.command(command)(self._on_command)
        self.app.event("app_mention")(self._on_mention)
        self.app.action(_ANY)(self._on_click)
        self.app.event(_ANY)(_take)
        self.app.error(self._sorry)

    async def _on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._ear.hear(from_command(body, now=self._now()))
        await ack()

    async def _on_mention(self, body: dict[str, Any]) -> None:
        if said := from_mention(body):
            await self._ear.hear(said)

    async def _on_click(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        if body.get("type") == "block_actions":
            await self._ear.hear(self._one_click(from_click(body)))
        await ack()

    def _one_click(self, said: Said) -> Said:
        """The same key for a second click right after the first: then it is heard once."""
        what = (said.author.id, said.channel, said.message, said.button, said.value)
        before = self._clicks.get(what)
        if before and 0 <= (said.at - before.at).total_seconds() < DOUBLE_CLICK:
            return replace(said, key=before.key)
        self._clicks[what] = said
        self._clicks.move_to_end(what)
        if len(self._clicks) > 1_000:
            self._clicks.popitem(last=False)
        return said

    async def _sorry(self, error: Exception, body: dict[str, Any]) -> BoltResponse:
        """Hearing failed, whatever the reason: say so to people, and let Slack send events again."""
        kind = "command" if "command" in body else str(body.get("type", ""))
        log.event("slack.not_heard", level=logging.ERROR, kind=kind, error=f"{type(error).__name__}: {error}")
        if kind == "command":
            return BoltResponse(status=200, body=json.dumps({"response_type": "ephemeral", "text": NOT_SAVED}))
        if kind == "block_actions":
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
            log.event("slack.not_told", level=logging.WARNING, error=type(failed).__name__)


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


async def _take() -> None:
    """Nothing to do; Slack has its 200."""


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
