"""What became of a repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.facts.fact import Fact, What
from bot.incident import Incident, Kind, Repair, RepairState, Status


@dataclass(frozen=True, kw_only=True)
class RepairOffered(What):
    """A repair was planned and offered for approval; `repair.plan` is the hash over all that was shown."""

    repair: Repair

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if not incident.repair(self.repair.plan):
            entry = fact.entry(incident, Kind.REMEDIATION, f"Offered: {self.repair.title}")
            incident.repairs.append(replace(self.repair, entries=(entry.id,)))


@dataclass(frozen=True, kw_only=True)
class NotOffered(What):
    """A cause was proved and its repair could not be offered, and why."""

    reason: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        fact.entry(incident, Kind.REMEDIATION, self.reason)


@dataclass(frozen=True, kw_only=True)
class RepairApproved(What):
    """Somebody who may approved the plan."""

    plan: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if repair := incident.repair(self.plan):
            entry = fact.entry(incident, Kind.REMEDIATION, f"Approved: {repair.title}")
            by = (*repair.approved_by, fact.author)
            state = RepairState.APPROVED if len(by) >= repair.count else repair.state
            _update(incident, repair, approved_by=by, state=state, at=fact.when, entries=(*repair.entries, entry.id))


@dataclass(frozen=True, kw_only=True)
class RepairMoved(What):
    """The repair reached another state; written before the step that the state names."""

    plan: str
    state: RepairState
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if not (repair := incident.repair(self.plan)):
            return
        entries = repair.entries
        if self.state is not repair.state:
            said = f"{REPAIR_WORDS[self.state]}: {repair.title}" + (f". {self.text}" if self.text else "")
            entries = (*entries, fact.entry(incident, Kind.REMEDIATION, said).id)
        _update(
            incident,
            repair,
            state=self.state,
            at=fact.when,
            text=self.text,
            entries=entries,
            details={**repair.details, **self.details},
        )
        if self.state is RepairState.VERIFIED:
            incident.times.setdefault("repaired", fact.when)
            if incident.status in {Status.INVESTIGATING, Status.IDENTIFIED}:
                incident.status = Status.MONITORING


REPAIR_WORDS = {
    RepairState.OFFERED: "Offered",
    RepairState.APPROVED: "Approved",
    RepairState.RUNNING: "Running",
    RepairState.VERIFIED: "Verified",
    RepairState.PUT_BACK: "Put back",
    RepairState.FAILED: "Failed",
    RepairState.EXPIRED: "Expired",
}
"""How the entries of a repair begin, before a colon."""


def _update(incident: Incident, repair: Repair, **changes: Any) -> None:
    incident.repairs[incident.repairs.index(repair)] = replace(repair, **changes)
