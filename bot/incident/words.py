"""The words for where things are and of which kind they are. They are stored and exported: none is ever renamed."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where an incident is in its life."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Kind(StrEnum):
    """What a timeline entry is about."""

    OPENED = "opened"
    ALERT = "alert"
    RECOVERED = "recovered"
    NOTE = "note"
    BEGAN = "began"
    DETECTED = "detected"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    FINDING = "finding"
    RULED_OUT = "ruled-out"
    CHECK = "check"
    CAUSE = "cause"
    FACTOR = "factor"
    IMPACT = "impact"
    REMEDIATION = "remediation"
    MITIGATED = "mitigated"
    SEVERITY = "severity"
    STATUS = "status"
    ROLE = "role"
    TITLE = "title"
    UPDATE = "update"
    ACTION_ITEM = "action-item"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"


class Review(StrEnum):
    """Where the postmortem is between its first draft and its end."""

    DRAFT = "draft"
    IN_REVIEW = "in review"
    DONE = "done"


class Precision(StrEnum):
    """How exactly a time is known."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DATE = "date"
    APPROXIMATE = "approximate"
    RANGE = "range"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """How sure a cause is. Only checks can prove one."""

    PROVED = "proved"
    POSSIBLE = "possible"
    RULED_OUT = "ruled-out"


class RepairState(StrEnum):
    """Where an offered repair is."""

    OFFERED = "offered"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFIED = "verified"
    PUT_BACK = "put-back"
    FAILED = "failed"
    EXPIRED = "expired"


class Room(StrEnum):
    """How the channel was last seen: to be written in, archived, without us, or not there any more."""

    OPEN = "open"
    ARCHIVED = "archived"
    LEFT = "left"
    GONE = "gone"
