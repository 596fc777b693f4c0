"""Why an alert is where it is: each reason by its name, which is stored for ever, and in words."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """The names of the reasons. `WORDS` says each in words."""

    NEW = "new"
    AFTER_COOL_OFF = "after-cool-off"
    SAME_PROBLEM = "same-problem"
    SAME_CYCLE = "same-cycle"
    SAME_PLACE = "same-place"
    AGAIN = "again"
    CLOSED = "closed"
    STORM = "storm"
    REMINDER = "reminder"
    LATE = "late"
    FLAPPING = "flapping"
    DUPLICATE = "duplicate"
    ENDED = "ended"
    NOTHING_OPEN = "nothing-open"
    RULE = "rule"
    DISMISSED = "dismissed"
    TEST = "test"
    UNKNOWN = "unknown"
    NOT_UNDERSTOOD = "not-understood"
    MERGED = "merged"
    SPLIT = "split"
    ACCEPTED = "accepted"


WORDS = {
    Why.NEW: "a problem that no open incident has",
    Why.AFTER_COOL_OFF: "the same problem as before, but its recovery is longer ago than the cool-off",
    Why.SAME_PROBLEM: "same monitor and scope",
    Why.SAME_CYCLE: "same alert cycle",
    Why.SAME_PLACE: "same place",
    Why.AGAIN: "the same problem again within the cool-off of its closed incident",
    Why.CLOSED: "of a closed incident",
    Why.STORM: "a storm",
    Why.REMINDER: "said again",
    Why.LATE: "older than the last word on it",
    Why.FLAPPING: "it comes and goes",
    Why.DUPLICATE: "the same delivery again",
    Why.ENDED: "its cycle has ended already",
    Why.NOTHING_OPEN: "a recovery of nothing that is open",
    Why.RULE: "as a rule says",
    Why.DISMISSED: "people said that it is no incident",
    Why.TEST: "a test notification",
    Why.UNKNOWN: "unknown transition",
    Why.NOT_UNDERSTOOD: "not understood",
    Why.MERGED: "a person merged the incidents",
    Why.SPLIT: "a person took it out of another incident",
    Why.ACCEPTED: "a person made the proposal an incident",
}
QUIET = frozenset({Why.REMINDER, Why.LATE, Why.FLAPPING, Why.STORM})
"""Reasons for which an alert is kept with its incident, but nobody is told and no check is run."""
