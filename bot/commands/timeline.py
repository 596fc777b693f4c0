"""timeline: what has happened so far, privately."""

from datetime import tzinfo

from bot.commands import Asked, Outcome, command
from bot.incident import Entry, Incident, Precision

SHOWN = 60


@command("timeline", usage="timeline", order=12)
def timeline(asked: Asked, incident: Incident) -> Outcome:
    """Show what has happened so far, in the order of happening, only to you."""
    entries = [e for e in incident.timeline if not e.dropped]
    earlier = f"({len(entries) - SHOWN} earlier)\n" if len(entries) > SHOWN else ""
    lines = "\n".join(_line(e, asked.zone) for e in entries[-SHOWN:])
    return Outcome(text=f"{incident.id} {incident.title}\n{earlier}{lines}")


def _line(entry: Entry, zone: tzinfo) -> str:
    mark = {Precision.APPROXIMATE: "~", Precision.RANGE: "from "}.get(entry.precision, "")
    if entry.occurred_at is None:
        return f"{entry.id} (time as typed: {entry.typed or 'unknown'}) {entry.kind}: {entry.text}"
    return f"{entry.id} {mark}{entry.occurred_at.astimezone(zone):%Y-%m-%d %H:%M %Z} {entry.kind}: {entry.text}"
