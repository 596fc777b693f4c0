"""What the checks found, or why there were none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.facts.fact import Fact, What
from bot.incident import CauseSeen, CheckSeen, Entry, Incident, Kind, Status, Verdict


@dataclass(frozen=True, kw_only=True)
class ChecksAnswered(What):
    """A runbook's checks were asked about one host; all answers of the run, and how they are read."""

    runbook: str
    host: str
    run: str
    results: tuple[CheckSeen, ...]
    causes: tuple[CauseSeen, ...] = ()
    took_ms: int = 0
    warnings: tuple[str, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.checking = ""
        entry = fact.entry(incident, Kind.CHECK, self._summary())
        incident.checks += [replace(r, entry=entry.id, run=self.run, runbook=self.runbook) for r in self.results]
        for cause in self.causes:
            self._add_cause(incident, fact, cause, entry)

    def _add_cause(self, incident: Incident, fact: Fact, cause: CauseSeen, run: Entry) -> None:
        told = run.id
        if incident.repaired(cause.host):
            incident.causes.append(replace(cause, entry=told, run=self.run, after_repair=True))
            return
        known = next(
            (c for c in incident.causes if (c.id, c.host, c.verdict) == (cause.id, cause.host, cause.verdict)),
            None,
        )
        if cause.verdict is Verdict.PROVED and not known:
            told = fact.entry(incident, Kind.CAUSE, cause.text).id
            if incident.status is Status.INVESTIGATING:
                incident.status = Status.IDENTIFIED
        elif known:
            told = known.entry
        incident.causes.append(replace(cause, entry=told, run=self.run))

    def _summary(self) -> str:
        states = [r.state for r in self.results]
        counted = ", ".join(
            f"{states.count(s)} {s}" for s in ("fail", "warn", "unknown", "ok", "skipped") if s in states
        )
        hosts = len({r.host for r in self.results})
        return f"Checks of {self.runbook} on {self.host}: {counted or 'none'} ({hosts} hosts, {self.took_ms} ms)"


@dataclass(frozen=True, kw_only=True)
class ChecksComing(What):
    """How far a run is that takes its time: so many answers of how many, and what failed so far."""

    runbook: str
    host: str
    answered: int
    asked: int
    failed: tuple[str, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        failed = f"; fail: {', '.join(self.failed[:5])}" if self.failed else ""
        incident.checking = f"{self.runbook} on {self.host}: {self.answered} of {self.asked} answers{failed}"


@dataclass(frozen=True, kw_only=True)
class NotChecked(What):
    """No check was run, and why: no runbook fits, the host is not ours, the run itself failed."""

    host: str
    reason: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.checking = ""
        fact.entry(incident, Kind.CHECK, self.reason)
