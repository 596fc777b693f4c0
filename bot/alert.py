"""An alert: one message from a monitor, in our words. Which incident it belongs to is decided in judge.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Protocol, TypeVar

LONGEST_FINGERPRINT = 500
"""Bytes; longer ones are replaced by their hash, because an index takes no longer key."""


class Condition(StrEnum):
    """What the monitor says of the thing it watches."""

    FIRING = "firing"
    WARNING = "warning"
    NO_DATA = "no-data"
    RECOVERED = "recovered"
    REMINDER = "reminder"  # still firing, said again
    OTHER = "other"  # a transition that we do not know: recorded, never acted upon

    @property
    def bad(self) -> bool:
        """Whether something is wrong now."""
        return self is not Condition.RECOVERED and self is not Condition.OTHER


def cycle_of(source: str, key: str) -> str:
    """The name of a cycle, unique among all sources; empty without a key."""
    return f"{source}|{key}" if key else ""


class Word(Protocol):
    """Something that was said of a problem."""

    @property
    def at(self) -> datetime:
        """When it was so."""

    @property
    def bad(self) -> bool:
        """Whether something is wrong."""

    @property
    def cycle(self) -> str:
        """The episode that it belongs to."""


W = TypeVar("W", bound=Word)


def in_turn(words: Iterable[W]) -> list[W]:
    """What was said of one problem, from the first word to the last, whatever the order of arrival.

    Of one instant: cycles that only end there come first, then those that begin and end, then those that go on. So
    it fires if one of them was not ended, and each begins before it ends.
    """
    told = list(words)
    if len({w.at for w in told}) == len(told):  # nearly always
        return sorted(told, key=lambda w: w.at)
    begun = {(w.at, w.cycle) for w in told if w.bad}
    ended = {(w.at, w.cycle) for w in told if not w.bad}

    def turn(word: W) -> tuple[datetime, bool, bool, str, bool]:
        cycle = (word.at, word.cycle)
        return word.at, cycle not in ended, cycle in begun, word.cycle, not word.bad

    return sorted(told, key=turn)


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert as received. All text in it was written by outsiders: it is shown inert and never acted upon.

    `heading` is the title as it came, with whatever the source put in front of it. `transition` is the source's
    own word, `condition` our reading of it. `scope` and `tags` are sorted.
    `at` is the time of the event at the source, not of its arrival. `merged` marks one group of several that the
    source put into one message.
    """

    delivery: str
    source: str
    title: str
    heading: str = ""
    at: datetime
    condition: Condition
    transition: str = ""
    event_id: str = ""
    monitor_id: str = ""
    cycle_key: str = ""
    scope: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    hostname: str = ""
    priority: str = ""
    status: str = ""
    query: str = ""
    link: str = ""
    test: bool = False
    merged: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Names the thing that is wrong: the same fingerprint is the same problem."""
        what = self.monitor_id or f"title {self.title}"
        name = f"{self.source}|{what}|{','.join(self.scope)}"
        written = name.encode("utf-8", "replace")
        return name if len(written) <= LONGEST_FINGERPRINT else f"{self.source}|{sha256(written).hexdigest()}"

    @property
    def cycle(self) -> str:
        """Names one episode from firing to recovery; empty when the source does not say."""
        return cycle_of(self.source, self.cycle_key)

    def tag(self, key: str) -> str:
        """The value of the first `key:value` in scope, then tags; empty when there is none."""
        prefix = f"{key}:"
        return next((word[len(prefix) :] for word in (*self.scope, *self.tags) if word.startswith(prefix)), "")

    def tagged(self, key: str, value: str) -> bool:
        """Whether this `key:value` is among scope and tags; a key may be there with several values."""
        return f"{key}:{value}" in (*self.scope, *self.tags)
