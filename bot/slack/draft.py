"""Handing out the postmortem draft: as files and a canvas, or in words where files are not allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.incident import Incident
from bot.ports import GaveUp, Intents, TryAgain
from bot.slack.blocks import code
from bot.slack.messages import Messages
from bot.slack.pace import Answer, First, Pace
from bot.slack.render import Message, draft_note

DRAFT = "postmortem.md"
PIECE = 8_000
PIECES = 6
CELLS = 280
"""Slack allows 300 cells in a table of a canvas."""
CUT = "The rest of this table is in the file."
_PICTURE = re.compile(r"!\[.*\]\([\w.-]+\)")
_NO_FILES = frozenset(
    {
        "missing_scope",
        "not_allowed_token_type",
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "storage_limit_reached",
        "restricted_action",
        "posting_to_channel_denied",
    }
)


class Draft:
    """Posts drafts."""

    def __init__(self, pace: Pace, intents: Intents, messages: Messages) -> None:
        self._pace = pace
        self._intents = intents
        self._messages = messages

    async def post(self, incident: Incident, channel: str, files: Mapping[str, bytes]) -> str:
        """Post the draft of this closing, or find it again; its message id."""
        key = f"draft:{incident.id}:{incident.closings}"
        title = _title(incident)
        if not await self._intents.first(key) and (found := await self._find(channel, title, key)):
            return found
        note = draft_note(incident) + await self._canvas(incident, channel, files.get(DRAFT, b""))
        try:
            return await self._upload(channel, title, _handed(files), note)
        except GaveUp as refused:
            if refused.reason not in _NO_FILES:
                raise
            return await self._in_words(incident, channel, files.get(DRAFT, b""), key)

    async def _canvas(self, incident: Incident, channel: str, page: bytes) -> str:
        """Give the channel a canvas with the draft, where the plan allows one; what is to be said about it.

        A canvas that is there stays: people write in it.
        """
        content = {"type": "markdown", "markdown": for_canvas(page.decode("utf-8", "replace"))}
        title = _title(incident)
        try:
            await self._pace.call(
                "conversations.canvases.create",
                first=First.RESULTS,
                channel_id=channel,
                title=title,
                document_content=content,
            )
        except GaveUp as refused:
            return (
                "" if refused.reason == "channel_canvas_already_exists" else f" No canvas was made: {refused.reason}."
            )
        except TryAgain:
            return " No canvas was made: Slack is busy; the file has everything."
        return " It is in the canvas of this channel, too."

    async def _find(self, channel: str, title: str, key: str) -> str:
        for message in await self._messages.recent(channel):
            ours = "bot_id" in message or "upload" in message
            metadata = (message.get("metadata") or {}).get("event_payload") or {}
            if metadata.get("key") == f"{key}:1":
                return ""  # it was being posted in words: those messages are found one by one
            if ours and any(file.get("title") == title for file in message.get("files") or ()):
                return str(message["ts"])
        return ""

    async def _upload(self, channel: str, title: str, files: Mapping[str, bytes], note: str) -> str:
        placed = []
        for name, content in files.items():
            place = await self._pace.call(
                "files.getUploadURLExternal", first=First.RESULTS, filename=name, length=len(content)
            )
            await self._pace.post(str(place["upload_url"]), data=content)
            placed.append({"id": str(place["file_id"]), "title": title if name == DRAFT else f"{title}: {name}"})
        answer = await self._pace.call(
            "files.completeUploadExternal",
            first=First.RESULTS,
            files=placed,
            channel_id=channel,
            initial_comment=note,
        )
        return _shared(answer, channel) or await self._find(channel, title, "") or placed[0]["id"]

    async def _in_words(self, incident: Incident, channel: str, content: bytes, key: str) -> str:
        """A note in the channel, the draft in its thread."""
        note = Message(text=draft_note(incident))
        _, ts = await self._messages.post_once(f"{key}:1", channel, note, first=First.RESULTS)
        written = content.decode("utf-8", "replace")
        for at in range(0, min(len(written), PIECE * PIECES), PIECE):
            piece = Message(text=f"{DRAFT}, part {at // PIECE + 1}", blocks=[code(written[at : at + PIECE], PIECE)])
            part = f"{key}:{at // PIECE + 2}"
            await self._messages.post_once(part, channel, piece, first=First.RESULTS, thread=ts)
        return ts


def _handed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The page, and the pictures that Slack shows."""
    pictures = {name: data for name, data in files.items() if name.endswith(".png")}
    return {DRAFT: files.get(DRAFT, b""), **pictures}


def for_canvas(page: str) -> str:
    """The page as a canvas takes it: no comments, no picture of a folder, and of long tables the first rows."""
    lines: list[str] = []
    rows = 0
    for line in page.splitlines():
        rows = rows + 1 if line.startswith("|") else 0
        if line.startswith("<!--") or _PICTURE.fullmatch(line):
            continue
        if rows > 2 and rows * (line.count("|") - 1) > CELLS:
            if lines[-1] != CUT:
                lines += ["", CUT]
            continue
        lines.append(line)
    return "\n".join(lines).strip() + "\n"


def _title(incident: Incident) -> str:
    again = f" ({incident.closings})" if incident.closings > 1 else ""
    return f"Postmortem {incident.id}{again}"


def _shared(answer: Answer, channel: str) -> str:
    """The message that shares the file, where Slack tells it at once."""
    for file in answer.get("files") or ():
        for shares in (file.get("shares") or {}).values():
            for share in shares.get(channel) or ():
                return str(share.get("ts", ""))
    return ""
