"""What others told: alerts, answers of checks and their causes, measurements, changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from bot.alert import cycle_of, in_turn
from bot.incident.words import Verdict


@dataclass(frozen=True, kw_only=True)
class AlertSeen:
    """An alert as it belongs to this incident, and the rule that attached it.

    `fingerprint` names the problem; `place` what it concerns (service and environment, or inventory group). `why` is
    the name of the reason for which it is here, `reason` says it in words.
    """

    delivery: str
    source: str
    transition: str
    at: datetime
    reason: str = ""
    monitor_id: str = ""
    cycle_key: str = ""
    scope: tuple[str, ...] = ()
    title: str = ""
    hostname: str = ""
    status: str = ""
    query: str = ""
    link: str = ""
    fingerprint: str = ""
    place: str = ""
    tags: tuple[str, ...] = ()
    bad: bool = True
    why: str = ""

    @property
    def where(self) -> str:
        """The hosts that its scope names, else its hostname; at most three of them, and how many more."""
        hosts = [word.removeprefix("host:") for word in self.scope if word.startswith("host:")]
        found = hosts or ([self.hostname] if self.hostname else [])
        return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")

    @property
    def cycle(self) -> str:
        """Names one episode from firing to recovery; empty when the source does not say."""
        return cycle_of(self.source, self.cycle_key)


@dataclass(frozen=True, kw_only=True)
class CheckSeen:
    """One answer of one check. `entry` is the timeline entry of its run, `run` names the run."""

    check: str
    host: str
    state: str
    at: datetime
    reason: str = ""
    summary: str = ""
    took_ms: int = 0
    evidence: str = ""
    runbook: str = ""
    run: str = ""
    entry: str = ""


@dataclass(frozen=True, kw_only=True)
class CauseSeen:
    """One reading of the answers: proved, possible or ruled out; `facts` are what the text rests on.

    `after_repair` marks a look at a server that was being repaired or was repaired: it says how things are now,
    not what caused the incident.
    """

    id: str
    verdict: Verdict
    text: str
    at: datetime
    host: str = ""
    because: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    entry: str = ""
    after_repair: bool = False


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A measured line that was kept: what was asked, what the line is about, and its points, as decimal numbers."""

    query: str
    about: str = ""
    unit: str = ""
    threshold: str = ""
    times: tuple[datetime, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that was deployed or changed around the time, as the monitoring system tells it."""

    at: datetime
    title: str
    kind: str = ""
    link: str = ""


def problem_id(alert: AlertSeen) -> str:
    """A short name for the problem that an alert is about, which holds nothing of what outsiders wrote."""
    return sha256(alert.fingerprint.encode("utf-8", "replace")).hexdigest()[:16]


def last_words(alerts: Iterable[AlertSeen]) -> list[AlertSeen]:
    """What was said last of each problem, whatever the order of arrival."""
    problems: dict[str, list[AlertSeen]] = {}
    for alert in sorted(alerts, key=lambda a: a.at):
        problems.setdefault(alert.fingerprint or alert.delivery, []).append(alert)
    return [in_turn(words)[-1] for words in problems.values()]
