"""The system that raised the alert, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.incident import Change


@dataclass(frozen=True, kw_only=True)
class GroupState:
    """What one group of a monitor says now: a host, a service. `name` and `tags` are the source's own words.

    `status` is alert, warn, no data, ok, … in small letters; `muted`: somebody asked for silence.
    """

    monitor_id: str
    name: str
    status: str
    tags: tuple[str, ...] = ()
    monitor: str = ""
    triggered_at: datetime | None = None
    muted: bool = False
    priority: str = ""
    monitor_tags: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether something is wrong now."""
        return self.status in {"alert", "warn", "no data"}


@dataclass(frozen=True, kw_only=True)
class MonitorState:
    """What the alert's source says of its monitor now, as a whole and of each group that it names."""

    state: str
    link: str
    name: str = ""
    groups: tuple[GroupState, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Groups of monitors; `complete` says whether the source told all of them."""

    groups: tuple[GroupState, ...]
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Series:
    """A measured line: its points in order of time (aware UTC), what it is about, and its unit's short name."""

    points: tuple[tuple[datetime, float], ...]
    about: str = ""
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One log message that somebody's program wrote."""

    at: datetime
    text: str
    host: str = ""
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """The newest lines that a search found; `more` says that there are others."""

    lines: tuple[LogLine, ...]
    more: bool = False


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A wish for quiet: one monitor, one group of it, until then. `text` says whose wish it is."""

    monitor_id: str
    group: GroupState
    until: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Something that the source is to show beside its graphs. `key` names this one alone.

    `mood` is error, warning, success or info. `together` names what belongs together.
    """

    key: str
    together: str
    title: str
    text: str
    at: datetime
    mood: str = "info"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """An incident as the source's own incident list shows it; `key` makes it the same one for ever."""

    key: str
    title: str
    state: str
    severity: str
    declared_at: datetime
    detected_at: datetime | None = None
    resolved_at: datetime | None = None


class Metrics(Protocol):
    """The system that raised the alert, asked for more. Optional: everything works without it.

    All raise TryAgain or GaveUp within their own time limit; `fix` says what a person can do, such as which scope
    is missing. Times are aware UTC.
    """

    async def monitor(self, monitor_id: str) -> MonitorState:
        """The monitor's state and link, and the groups of it that are not well."""

    async def groups(self, query: str, *, bad: bool = True) -> Groups:
        """The groups of monitors that this search finds, in few pages; `bad`: only those that are not well."""

    async def series(self, query: str, *, start: datetime, end: datetime) -> Sequence[Series]:
        """The lines that this query draws."""

    async def logs(self, query: str, *, start: datetime, end: datetime, most: int) -> Logs:
        """The newest log messages that this search finds."""

    async def changes(self, query: str, *, start: datetime, end: datetime, most: int) -> Sequence[Change]:
        """Deployments and changes that this search of events finds, newest first."""

    def links(self, *, monitor_id: str, host: str, start: datetime, end: datetime) -> Mapping[str, str]:
        """Pages for people, by name, already set to this monitor, host and time; asks nobody."""

    async def mark(self, marker: Marker) -> None:
        """Show this beside the graphs."""

    async def marked(self, marker: Marker) -> bool:
        """Whether this is shown already."""

    async def silence(self, wish: Silence) -> str:
        """Be quiet about this group; the id under which it ends."""

    async def silenced(self, wish: Silence) -> str:
        """The id of this very silence where it began already, else nothing."""

    async def end_silence(self, id: str) -> None:
        """Be no longer quiet. Ending what has ended is no mistake."""

    async def mirror(self, shown: Mirrored) -> str:
        """Put the incident into the source's own list; its id there. Never twice for one key after `mirrored`."""

    async def mirrored(self, key: str) -> str:
        """The id of the incident with this key in the source's own list, else nothing."""

    async def update_mirror(self, id: str, shown: Mirrored) -> None:
        """Bring the incident in the source's own list up to date."""
