"""Answers to one person: through the address that came with what they said, else as a message only they see."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bot import log
from bot.ports import GaveUp, TryAgain
from bot.slack.blocks import SECTION, TEXT, cut, inert, mrkdwn
from bot.slack.pace import First, Pace

Way = Callable[[], Awaitable[None]]

LONGEST = 24_000
"""Characters of an answer; what is longer is cut, with an ellipsis."""
PART = SECTION // 2
"""Characters of a block, where an emoji counts twice."""
PARTS = 6
"""Blocks of a message."""

_WHISPERED = {"response_type": "ephemeral", "replace_original": False}
_CHANNEL = re.compile(r"(<#[CG][A-Z0-9]+(?:\|[a-z0-9_-]*)?>)")
"""A link to a channel: the one mark that stays alive in answers, because it calls nobody."""


class Replies:
    """Answers people."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def reply(self, reply_to: Mapping[str, str], text: str) -> None:
        """Answer where they spoke. Raises TryAgain or GaveUp when no way is left."""
        parts = list(pieces(text))
        for at in range(0, len(parts), PARTS):
            await self._one(reply_to, parts[at : at + PARTS])

    async def _one(self, reply_to: Mapping[str, str], parts: Sequence[str]) -> None:
        """Each way until one leads to them; better twice than not at all."""
        blocks = [{"type": "section", "text": mrkdwn(part)} for part in parts]
        *ways, last = self._ways(reply_to, {"text": cut("\n".join(parts), TEXT), "blocks": blocks})
        for way in ways:
            try:
                return await way()
            except (TryAgain, GaveUp) as problem:
                log.event("reply.another-way", level=logging.DEBUG, reason=problem.reason)
        return await last()

    def _ways(self, reply_to: Mapping[str, str], content: Mapping[str, Any]) -> list[Way]:
        """The ways to them, best first: the address that came with the words has 5 answers and 30 minutes, a channel
        must have us and them in it. Raises GaveUp when there is none."""
        url, channel, user, thread = (reply_to.get(word, "") for word in ("response_url", "channel", "user", "thread"))
        ways: list[Way] = []
        if url:
            ways.append(partial(self._pace.post, url, json={**content, **_WHISPERED}))
        if channel and thread and not url:
            ways.append(partial(self._post, channel, content, thread_ts=thread))
        elif channel and user:
            ways.append(partial(self._whisper, channel, user, content))
        if user:
            ways.append(partial(self._post, user, content))  # as a message of the app to this person alone
        if not ways:
            raise GaveUp("Nobody knows where to answer.", reason="no_address")
        return ways

    async def _whisper(self, channel: str, user: str, content: Mapping[str, Any]) -> None:
        await self._pace.call("chat.postEphemeral", first=First.RESULTS, channel=channel, user=user, **content)

    async def _post(self, channel: str, content: Mapping[str, Any], **more: str) -> None:
        quiet = {"unfurl_links": False, "unfurl_media": False}
        await self._pace.call("chat.postMessage", first=First.RESULTS, channel=channel, **content, **quiet, **more)


def pieces(text: str) -> Iterator[str]:
    """The answer in parts of at most PART characters, inert, parted at ends of lines where possible."""
    kept = _CHANNEL.split(text[:LONGEST])
    left = "".join(part if at % 2 else inert(part, LONGEST) for at, part in enumerate(kept)) or "–"
    while len(left) > PART:
        at = _good_end(left, PART)
        if part := left[:at].strip("\n"):
            yield part
        left = left[at:].lstrip("\n")
    if left.strip():
        yield left


def _good_end(text: str, most: int) -> int:
    """Where to part: after a line, after a word, at least not within an escaped character."""
    for between in ("\n", " "):
        if (at := text.rfind(between, most // 2, most)) > 0:
            return at
    escape = text.rfind("&", most - 5, most)
    return escape if escape > 0 else most
