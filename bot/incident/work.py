"""What is to be done: repairs, action items, and steps of ours that failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.incident.entry import Person
from bot.incident.words import RepairState


@dataclass(frozen=True, kw_only=True)
class ActionItem:
    """Something to be done afterwards so that it does not happen again."""

    id: str
    text: str
    owner: str = ""
    due: str = ""
    type: str = "prevent"
    state: str = "open"
    ticket: str = ""
    priority: str = ""
    done_when: str = ""
    entry: str = ""


@dataclass(frozen=True, kw_only=True)
class Repair:
    """An offered repair and what became of it. `plan` is the hash over everything that is to be done.

    The plan itself is not part of the record: it holds the bytes of files, and is made again when it is approved.
    """

    name: str
    host: str
    plan: str
    state: RepairState
    at: datetime
    title: str = ""
    diff: str = ""
    approved_by: tuple[Person, ...] = ()
    approvers: tuple[str, ...] = ()
    count: int = 1
    requester: str = "may-approve"
    expires_at: datetime | None = None
    runbook: str = ""
    cause: str = ""
    text: str = ""
    entries: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A step of ours that failed: shown on the card with its fix until a retry completes it."""

    step: str
    text: str
    fix: str
    at: datetime
