"""catchup: all that somebody who comes late must know."""

from datetime import datetime, tzinfo

from bot.commands import Asked, Outcome, command
from bot.commands.timeline import shown_time
from bot.incident import Incident, Kind, Repair, RepairState
from bot.spoken.zone import label

LATELY = 5
"""So many of the last entries are shown."""
_QUIET = frozenset({Kind.CHECK, Kind.ROLE, Kind.TITLE, Kind.OPENED})
"""Entries that say nothing to somebody who comes late, or that are said above."""
_WAITS = frozenset({RepairState.OFFERED, RepairState.APPROVED, RepairState.RUNNING})


@command("catchup", usage="catchup", order=52)
def catchup(asked: Asked, incident: Incident) -> Outcome:
    """Show in a few lines how it stands: since when, what is proved, what is under way, what was said last."""
    asked.alone("catchup")
    lines = [
        f"{incident.id} is {incident.status}, {incident.severity}: {incident.title}",
        _since(incident, asked.zone),
        _roles(asked, incident),
        *(f"Proved: {c.text}" for c in incident.proved[:3]),
        *_said(incident, Kind.IMPACT, "Impact"),
        *_said(incident, Kind.UPDATE, "Last update"),
        *(_repair(r) for r in incident.repairs if r.state in _WAITS),
        *(["Actions of the bot are on hold."] if incident.held else []),
        *(f"{t.step.capitalize()} failed: {t.text} {t.fix}".rstrip() for t in incident.troubles.values()),
        *_to_do(incident),
        *_lately(asked, incident),
    ]
    return Outcome(text="\n".join(lines), private=True)


def _since(incident: Incident, zone: tzinfo) -> str:
    began = incident.impact_started_at or incident.detected_at or incident.opened_at
    told = [f"Since {_clock(began, zone)}"]
    for word, at in (("mitigated", incident.mitigated_at), ("resolved", incident.resolved_at)):
        told += [f"{word} {_clock(at, zone)}"] if at else []
    return ", ".join(told)


def _clock(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {label(at, zone)}"


def _roles(asked: Asked, incident: Incident) -> str:
    held = [f"{role} {person.name or person.id}" for role, person in incident.roles.items()]
    return ", ".join(held) if held else f"Nobody is {asked.policy.roles[0]} yet"


def _said(incident: Incident, kind: Kind, word: str) -> list[str]:
    said = [e.text for e in incident.timeline if e.kind is kind and not e.dropped]
    return [f"{word}: {said[-1]}"] if said else []


def _repair(repair: Repair) -> str:
    return f"Repair {repair.state}: {repair.title} ({repair.host})"


def _to_do(incident: Incident) -> list[str]:
    waiting = [item for item in incident.action_items if item.state == "open"]
    return [f"Open actions: {len(waiting)}, “actions” shows them"] if waiting else []


def _lately(asked: Asked, incident: Incident) -> list[str]:
    shown = [e for e in incident.timeline if not e.dropped and e.kind not in _QUIET][-LATELY:]
    return [f"{e.id} {shown_time(e, asked.zone)} {e.kind}: {e.text}" for e in shown]
