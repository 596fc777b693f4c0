"""resolve: the service is well again."""

from bot.commands import Asked, Outcome, Tell, command, optional_time
from bot.facts import Resolved
from bot.incident import Incident, Kind, Precision, Status
from bot.ports import NotAllowed


@command("resolve", usage="resolve [TIME] [TEXT]", order=45)
def resolve(asked: Asked, incident: Incident) -> Outcome:
    """Say that the service is well again, now or at a time. The incident stays open until you close it."""
    if incident.status in {Status.RESOLVED, Status.CLOSED}:
        return _already(asked, incident)
    time = optional_time(asked, asked.words, incident)
    told = Resolved(
        text=time.rest if time else asked.words,
        typed=time.typed if time else "",
        precision=time.precision if time else Precision.SECOND,
    )
    when = time.at if time and time.at else asked.now
    firing = f" Still alerting: {', '.join(a.title for a in incident.firing)}." if incident.firing else ""
    said_back = f"Resolved at {time.echo}." if time else "Resolved."
    return Outcome(text=f"{said_back}{firing} “close” writes the postmortem.", tell=(Tell(what=told, at=when),))


def _already(asked: Asked, incident: Incident) -> Outcome:
    """Once is enough; a time or words that are said with it must not be taken for heard."""
    entry = incident.first(Kind.RESOLVED)
    if asked.words and entry:
        raise NotAllowed(
            f"Nothing was changed: {incident.id} is {incident.status} already; "
            f"to correct when: fix {entry.id} at TIME; to say more: note {asked.words[:80]}"
        )
    return Outcome(text=f"{incident.id} is {incident.status} already.")
