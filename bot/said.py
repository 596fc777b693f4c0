"""What somebody said or clicked, and what they get back. Knows neither Slack nor the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.incident import Person, Source
from bot.ports import PersonKind


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A message of the chat that somebody points at, with the time and the author that it has there.

    `files` are the names and addresses of what hangs on it. `pinned_by` are those who marked it for the timeline.
    """

    channel: str
    id: str
    text: str
    at: datetime
    author: Person = field(default_factory=Person)
    url: str = ""
    files: tuple[str, ...] = ()
    pinned_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What names it for ever: its channel and its id."""
        return f"{self.channel}/{self.id}"

    @property
    def words(self) -> str:
        """All of it as one text."""
        return " ".join(filter(None, (self.text, f"({', '.join(self.files)})" if self.files else ""))) or "(no words)"


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form to be filled in: which one, what stands in it, what it lets choose, and what comes back with it.

    `choices` of a field are pairs of what is chosen and how it is shown.
    """

    name: str
    filled: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    carries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Said:
    """One thing that a person said to the bot. It is on disk before it is acknowledged.

    `key` is unique for ever and makes hearing it twice harmless. `at` is when it was said. `zone` is the
    author's IANA zone, empty when not yet known. `channel` is the chat's channel id; `incident` is the number
    where it was named outright. `button` and `value` are set for a click, then `message` is the clicked message.
    `talk` marks words out of a conversation (a mention), where a bare title opens nothing.
    `quote` is a message that was pointed at, `answers` are those of a form, by field. `trigger` is set where a form
    can be opened in return, for three seconds. `kind` decides what the author may do; the terminal's is a member.
    `twins` is the first and the last of the keys under which the same may have been heard already: a double click.
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
    quote: Quote | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    trigger: str = ""
    kind: PersonKind = PersonKind.MEMBER
    twins: tuple[str, ...] = ()
    reply_to: Mapping[str, str] = field(default_factory=dict)

    def by(self, *, name: str, zone: str, kind: PersonKind = PersonKind.MEMBER) -> Said:
        """The same, now that we know who the author is."""
        return replace(self, author=replace(self.author, name=name), zone=zone, kind=kind)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer. `ok` is False for a refusal or a question: then nothing was recorded. `opened`: a new incident.

    `private` answers are for the one who asked, also where the asking was public. `form` is to be opened instead of
    the text, if there is still time.
    """

    text: str
    ok: bool = True
    incident: int | None = None
    opened: bool = False
    private: bool = False
    form: Form | None = None
