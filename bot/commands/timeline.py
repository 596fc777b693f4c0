"""timeline: what has happened so far, privately."""

from datetime import tzinfo

from bot.commands import Asked, Outcome, command
from bot.incident import Entry, Incident, Precision, Revision
from bot.spoken.zone import label

SHOWN = 60


@command("timeline", usage="timeline", order=12)
def timeline(asked: Asked, incident: Incident) -> Outcome:
    """Show what has happened so far, in the order of happening, only to you."""
    asked.alone("timeline")
    entries = [e for e in incident.timeline if not e.dropped]
    earlier = f"({len(entries) - SHOWN} earlier)\n" if len(entries) > SHOWN else ""
    lines = "\n".join(_line(e, asked.zone) for e in entries[-SHOWN:])
    return Outcome(text=f"{incident.id} {incident.title}\n{earlier}{lines}", private=True)


def _line(entry: Entry, zone: tzinfo) -> str:
    return f"{entry.id} {shown_time(entry, zone)} {entry.kind}: {entry.text}"


def shown_time(of: Entry | Revision, zone: tzinfo) -> str:
    """When it happened, no more exactly than it is known: `2026-11-22 11:13 EAT`, `~11:13`, `11:??`, `11:13–11:20`."""
    if of.occurred_at is None:
        return f"(time as typed: {of.typed or 'unknown'})"
    at = of.occurred_at.astimezone(zone)
    if of.precision is Precision.DATE:
        return f"{at:%Y-%m-%d}"
    about = "~" if of.precision is Precision.APPROXIMATE else ""
    form = "%Y-%m-%d %H:??" if of.precision is Precision.HOUR else "%Y-%m-%d %H:%M"
    until = f"–{of.ends_at.astimezone(zone):%H:%M}" if of.ends_at else ""
    return f"{about}{at.strftime(form)}{until} {label(of.occurred_at, zone)}"
