"""Answers to one person: through the address that came with what they said, else as a message only they see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.ports import GaveUp
from bot.slack.blocks import SECTION, inert, mrkdwn
from bot.slack.pace import First, Pace

LONGEST = 12_000
"""Characters of an answer; what is longer is cut, with an ellipsis."""
PIECES = 5
"""Slack takes so many answers through one address."""


class Replies:
    """Answers people."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def reply(self, reply_to: Mapping[str, str], text: str) -> None:
        """Answer where they spoke. Raises TryAgain or GaveUp when no way is left."""
        for piece in pieces(text):
            await self._one(reply_to, piece)

    async def _one(self, reply_to: Mapping[str, str], text: str) -> None:
        content = {"text": text, "blocks": [{"type": "section", "text": mrkdwn(text)}]}
        if url := reply_to.get("response_url"):
            try:
                more = {"response_type": "ephemeral", "replace_original": False}
                return await self._pace.post(url, json={**content, **more})
            except GaveUp:
                pass  # the address has expired or is used up: Slack allows 5 answers in 30 minutes
        channel, user, thread = (reply_to.get(word, "") for word in ("channel", "user", "thread"))
        if not channel:
            raise GaveUp("Nobody knows where to answer", reason="no_address")
        if thread and not url:
            words = {"thread_ts": thread, "unfurl_links": False, "unfurl_media": False}
            await self._pace.call("chat.postMessage", first=First.RESULTS, channel=channel, **content, **words)
            return None
        await self._pace.call("chat.postEphemeral", first=First.RESULTS, channel=channel, user=user, **content)
        return None


def pieces(text: str) -> Iterator[str]:
    """The answer in parts that Slack takes, inert, parted at ends of lines where possible."""
    left = inert(text, LONGEST)
    for _ in range(PIECES - 1):
        if len(left) <= SECTION // 2:
            break
        at = _good_end(left, SECTION // 2)
        yield left[:at]
        left = left[at:].lstrip("\n")
    if left or not text:
        yield left[: SECTION // 2] or "–"


def _good_end(text: str, most: int) -> int:
    """Where to part: after a line, after a word, at least not within an escaped character."""
    for between in ("\n", " "):
        if (at := text.rfind(between, most // 2, most)) > 0:
            return at
    escape = text.rfind("&", most - 5, most)
    return escape if escape > 0 else most
