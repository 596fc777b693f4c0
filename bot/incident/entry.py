"""One line of the timeline, who said it, and in which order lines stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.incident.words import Kind, Precision


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who said or did something; `id` is the workspace's, empty for machines."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    """How a fact reached us (command, reaction, shortcut, alert, check, action, bot, cli, import)."""

    type: str = "bot"
    url: str = ""

    @property
    def human(self) -> bool:
        """Whether a person said it."""
        return self.type in {"command", "reaction", "shortcut", "cli"}


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What an entry said before a correction."""

    at: datetime
    by: str
    occurred_at: datetime | None
    typed: str
    text: str
    dropped: bool
    precision: Precision = Precision.SECOND
    ends_at: datetime | None = None


@dataclass(kw_only=True)
class Entry:
    """One line of the timeline. `occurred_at` is None when nobody knows; `typed` is the time as it was typed.

    `message` names the chat's message that it was captured from; `by_hand`: its text was corrected by a person.
    """

    id: str
    kind: Kind
    occurred_at: datetime | None
    recorded_at: datetime
    text: str
    ends_at: datetime | None = None
    precision: Precision = Precision.SECOND
    typed: str = ""
    author: Person = field(default_factory=Person)
    source: Source = field(default_factory=Source)
    dropped: bool = False
    message: str = ""
    by_hand: bool = False
    history: list[Revision] = field(default_factory=list)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Entries by the time they happened; ties and entries without an instant keep their written place."""
    followers: dict[str, list[Entry]] = {}
    dated: list[Entry] = []
    before = ""
    for entry in entries:
        if entry.occurred_at is None:
            followers.setdefault(before, []).append(entry)
        else:
            dated.append(entry)
            before = entry.id
    dated.sort(key=_instant)
    ordered = list(followers.get("", ()))
    for entry in dated:
        ordered.append(entry)
        ordered.extend(followers.get(entry.id, ()))
    return ordered


def _instant(entry: Entry) -> datetime:
    assert entry.occurred_at is not None  # noqa: S101 - only dated entries are sorted
    return entry.occurred_at
