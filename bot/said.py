"""What somebody said or clicked, and what they get back. Knows neither Slack nor the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.incident import Person, Source


@dataclass(frozen=True, kw_only=True)
class Said:
    """One thing that a person said to the bot. It is on disk before it is acknowledged.

    `key` is unique for ever and makes hearing it twice harmless. `at` is when it was said. `zone` is the
    author's IANA zone, empty when not yet known. `channel` is the chat's channel id; `incident` is the number
    where it was named outright. `button` and `value` are set for a click, then `message` is the clicked message.
    `talk` marks words out of a conversation (a mention), where a bare title opens nothing.
    `reply_to` belongs to whoever delivered it and is opaque to everybody else.
    """

    key: str
    text: str
    author: Person
    at: datetime
    source: Source
    zone: str = ""
    channel: str = ""
    incident: int | None = None
    button: str = ""
    value: str = ""
    message: str = ""
    talk: bool = False
    reply_to: Mapping[str, str] = field(default_factory=dict)

    def by(self, *, name: str, zone: str) -> Said:
        """The same, now that we know who the author is."""
        return replace(self, author=replace(self.author, name=name), zone=zone)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer. `ok` is False for a refusal or a question: then nothing was recorded. `opened`: a new incident.

    `private` answers are for the one who asked, also where the asking was public.
    """

    text: str
    ok: bool = True
    incident: int | None = None
    opened: bool = False
    private: bool = False
