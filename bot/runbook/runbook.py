"""A runbook as a value: when it applies, what it asks, how answers are read, what may be offered.

Durations are seconds. `schema.load` makes it from a file; nothing here reads or runs anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from bot.strict_yaml import Document

Argv = tuple[str, ...]
Undo = Literal["put-back", "none"] | tuple[Argv, ...]


class Status(StrEnum):
    """What the monitor says when a runbook applies."""

    ALERT = "alert"
    WARN = "warn"
    NO_DATA = "no-data"


class At(StrEnum):
    """Which hosts are asked, seen from the one that the alert names."""

    AFFECTED = "affected"
    PEERS = "peers"
    GROUP = "group"
    BALANCER = "balancer"
    PRIMARY = "primary"
    BOT = "bot"


class Severity(StrEnum):
    """How much an answer matters to the reader; causes do not look at it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


ANSWERS = ("ok", "warn", "fail", "refused", "timeout", "differs", "drifted", "stale", "slow", "error")
"""What a cause may wait for: a state that is an answer, or the reason of one. *Unknown* is no answer."""


@dataclass(frozen=True, kw_only=True)
class When:
    """Alerts that a runbook covers; all that is given must match. `monitor` is a pattern with `*`."""

    service: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    monitor: str = ""
    status: tuple[Status, ...] = (Status.ALERT,)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question: `noun` with its `words`, asked `at` some hosts within `timeout` seconds.

    `words` are by the name of the noun's argument (`days-left` is `days_left`); bind fills their placeholders.
    """

    name: str
    noun: str
    words: Mapping[str, object] = field(default_factory=dict)
    at: At = At.AFFECTED
    timeout: float = 5.0
    severity: Severity = Severity.CRITICAL
    preflight: bool = False
    explains: str = ""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Which answers mean what. `when` maps a check to the answers that fit; `id` is RUNBOOK/n, counted from 1."""

    id: str
    when: Mapping[str, frozenset[str]]
    explains: str
    offer: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Restore:
    """Put files of a config repository back to the known good commit, or to HEAD."""

    repo: str
    paths: tuple[str, ...]
    to: Literal["known-good", "HEAD"] = "known-good"


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Checks that must be ok `within` seconds, and stay so for `hold` seconds."""

    checks: tuple[str, ...]
    within: float = 60.0
    hold: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Approve:
    """Who may approve (empty: the policy's approvers), how many it takes, and for how many seconds it is asked."""

    by: tuple[str, ...] = ()
    count: int = 1
    requester: Literal["may-approve", "may-not-approve"] = "may-approve"
    expires: float = 900.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Hosts at once, healthy peers that must remain, and seconds between two runs on one host."""

    hosts: int = 1
    healthy_peers: int = 1
    once_every: float = 600.0


@dataclass(frozen=True, kw_only=True)
class Action:
    """What a person may approve: either `restore`, or commands to `run` after a read-only `preview`."""

    name: str
    title: str
    at: At = At.AFFECTED
    restore: Restore | None = None
    run: tuple[Argv, ...] = ()
    preview: Argv = ()
    test: Argv = ()
    then: tuple[Argv, ...] = ()
    sudo: bool = False
    verify: Verify
    undo: Undo
    approve: Approve = Approve()
    limits: Limits = Limits()
    timeout: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One file. `digest` is the SHA-256 of its text; `source` gives the place of every word for later problems."""

    name: str
    title: str
    owner: str
    docs: str = ""
    when: tuple[When, ...] = ()
    checks: Mapping[str, Check]
    causes: tuple[Cause, ...] = ()
    actions: Mapping[str, Action] = field(default_factory=dict)
    digest: str = ""
    source: Document = field(default_factory=Document, repr=False, compare=False)
