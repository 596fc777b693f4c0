"""Answers to one person: through the address that came with what they said, else as a message only they see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.ports import GaveUp
from bot.slack.blocks import SECTION, TEXT, cut, inert, mrkdwn
from bot.slack.pace import First, Pace

LONGEST = 24_000
"""Characters of an answer; what is longer is cut, with an ellipsis."""
PART = SECTION // 2
"""Characters of a block, where an emoji counts twice."""
PARTS = 6
"""Blocks of a message."""


_NOT_THERE = frozenset({"channel_not_found", "not_in_channel", "user_not_in_channel", "is_archived"})
"""Refusals that mean that nobody can be answered in this channel."""
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
        blocks = [{"type": "section", "text": mrkdwn(part)} for part in parts]
        content: dict[str, Any] = {"text": cut("\n".join(parts), TEXT), "blocks": blocks}
        if url := reply_to.get("response_url"):
            try:
                more = {"response_type": "ephemeral", "replace_original": False}
                return await self._pace.post(url, json={**content, **more})
            except GaveUp:
                pass  # the address has expired or is used up: Slack allows 5 answers in 30 minutes
        channel, user, thread = (reply_to.get(word, "") for word in ("channel", "user", "thread"))
        if not channel and not user:
            raise GaveUp("Nobody knows where to answer.", reason="no_address")
        if not channel:
            return await self._directly(user, content)
        if thread and not url:
            words = {"thread_ts": thread, "unfurl_links": False, "unfurl_media": False}
            await self._pace.call("chat.postMessage", first=First.RESULTS, channel=channel, **content, **words)
            return None
        try:
            await self._pace.call("chat.postEphemeral", first=First.RESULTS, channel=channel, user=user, **content)
        except GaveUp as refused:
            if refused.reason not in _NOT_THERE:
                raise
            await self._directly(user, content)
        return None

    async def _directly(self, user: str, content: Mapping[str, Any]) -> None:
        """As a message of the app to this person alone: where they spoke we are not, or they spoke nowhere."""
        words = {"unfurl_links": False, "unfurl_media": False}
        await self._pace.call("chat.postMessage", first=First.RESULTS, channel=user, **content, **words)


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
