"""What a check answered. A result is a value: it is recorded, compared and shown, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

JSON = str | int | float | bool | None | list["JSON"] | dict[str, "JSON"]


class State(StrEnum):
    """A probe that is refused or times out has answered: *fail*. *Unknown* means that we could not ask."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One answer of one check about one host.

    `reason` is a fixed word (refused, timeout, differs, drifted, stale, slow, error, no-access), empty when ok.
    `facts` are what was found, by name, for placeholders and for comparing hosts; `evidence` is the cut and
    redacted raw text behind them; `took_ms` is in milliseconds; `at` is when the answer came, in UTC.
    """

    check: str
    host: str
    state: State
    reason: str = ""
    summary: str = ""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    evidence: str = ""
    took_ms: int = 0
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Known:
    """A configuration that is known to be good: its commit, and the id of its tree for a repository without that."""

    commit: str
    tree: str = ""
