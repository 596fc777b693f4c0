"""Where an incident is shown, so that nothing is ever posted twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.incident.words import Room


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where people talk about it. Identity is the id; people may rename it."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """How often people were reminded of something, when last and in which message. `settled`: it is done."""

    times: int = 0
    at: datetime | None = None
    message: str = ""
    settled: bool = False


@dataclass(kw_only=True)
class View:
    """Where the incident is shown, so that nothing is ever posted twice.

    `announcements`: channel and message id by the channel's name in the policy. `quiet_since`: how many entries there
    were when the channel was last looked at. `postmortem_done`: when a person said that it is complete.
    """

    channel: Channel | None = None
    room: Room = Room.OPEN
    quiet_since: int = 0
    card: str = ""
    announcements: dict[str, tuple[str, str]] = field(default_factory=dict)
    topic: str = ""
    invited: dict[str, str] = field(default_factory=dict)
    pinned: str = ""
    bookmarks: tuple[str, ...] = ()
    draft_posted: str = ""
    draft_at: datetime | None = None
    draft_pushed: str = ""
    draft_link: str = ""
    postmortem_done: datetime | None = None
    reminders: dict[str, Reminded] = field(default_factory=dict)
    reminding: bool = True

    def elsewhere(self) -> View:
        """What holds when the incident goes on in another channel: nothing that was shown in this one is there."""
        return View(
            announcements=dict(self.announcements),
            reminding=self.reminding,
            draft_pushed=self.draft_pushed,
            draft_link=self.draft_link,
            draft_at=self.draft_at,
            postmortem_done=self.postmortem_done,
        )

    @property
    def announcement(self) -> tuple[str, str] | None:
        """The first announcement."""
        return next(iter(self.announcements.values()), None)
