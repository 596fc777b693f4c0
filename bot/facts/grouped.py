"""What people corrected in the grouping: problems that left for an incident of their own, incidents made one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.facts.alerts import in_words
from bot.facts.fact import Fact, What
from bot.facts.told import keep_old
from bot.incident import ActionItem, AlertSeen, Entry, Incident, Kind, RepairState, Status

OURS = frozenset(
    {
        *(Kind.ALERT, Kind.RECOVERED, Kind.NOTE, Kind.FINDING, Kind.RULED_OUT, Kind.CHECK, Kind.CAUSE, Kind.FACTOR),
        *(Kind.IMPACT, Kind.REMEDIATION, Kind.UPDATE, Kind.ACTION_ITEM),
    }
)
"""Entries that mean the same in another incident. Others speak of their own incident's course."""


@dataclass(frozen=True, kw_only=True)
class AlertsLeft(What):
    """Problems that do not belong here went to an incident of their own, with all that was said of them."""

    fingerprints: tuple[str, ...]
    into: int
    text: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        gone = [a for a in incident.alerts if a.fingerprint in self.fingerprints]
        incident.alerts = [a for a in incident.alerts if a.fingerprint not in self.fingerprints]
        told = {(a.at, in_words(a)) for a in gone}
        for entry in incident.entries:
            alert = entry.kind in {Kind.ALERT, Kind.RECOVERED} and not entry.dropped
            if alert and entry.occurred_at and (entry.occurred_at, entry.text) in told:
                keep_old(entry, fact)
                entry.dropped = True
        fact.entry(incident, Kind.NOTE, self.text or f"Went to INC-{self.into}")


@dataclass(frozen=True, kw_only=True)
class Joined(What):
    """Another incident was the same: its alerts, its entries and its follow-ups are this one's now."""

    other: int
    alerts: tuple[AlertSeen, ...] = ()
    entries: tuple[Entry, ...] = ()
    action_items: tuple[ActionItem, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        known = {(a.delivery, a.fingerprint) for a in incident.alerts}
        incident.alerts += [a for a in self.alerts if (a.delivery, a.fingerprint) not in known]
        for entry in self.entries:
            self._add(incident, entry)
        for item in self.action_items:
            incident.action_items.append(replace(item, id=f"A{len(incident.action_items) + 1}", entry=""))
        fact.entry(incident, Kind.NOTE, f"INC-{self.other} is merged into this one")

    def _add(self, incident: Incident, entry: Entry) -> None:
        own = entry.kind in OURS
        incident.entries.append(
            replace(
                entry,
                id=f"E{len(incident.entries) + 1}",
                kind=entry.kind if own else Kind.NOTE,
                text=entry.text if own else f"INC-{self.other}, {entry.kind}: {entry.text}",
            )
        )


@dataclass(frozen=True, kw_only=True)
class MergedInto(What):
    """This incident was the same as another one, where it goes on. What was offered here cannot be taken any more."""

    into: int

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.merged_into = self.into
        incident.status = Status.CLOSED
        incident.times["closed"] = fact.when
        incident.repairs = [
            replace(r, state=RepairState.EXPIRED) if r.state is RepairState.OFFERED else r for r in incident.repairs
        ]
        fact.entry(incident, Kind.CLOSED, f"Merged into INC-{self.into}")
