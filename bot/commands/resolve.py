"""resolve: the service is well again."""

from bot.commands import Asked, Outcome, Tell, command, optional_time
from bot.facts import Resolved
from bot.incident import Incident, Kind, Precision, Status
from bot.ports import NotAllowed

NAMED = 3  # alerts in a sentence


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
    said_back = f"Resolved at {time.echo}." if time else "Resolved."
    return Outcome(
        text=f"{said_back}{_still_alerting(incident)} “close” writes the postmortem.", tell=(Tell(what=told, at=when),)
    )


def _still_alerting(incident: Incident) -> str:
    """What speaks against it; a storm has hundreds."""
    named = list(dict.fromkeys(alert.title for alert in incident.firing))
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f" Still alerting: {', '.join(named[:NAMED])}{more}." if named else ""


def _already(asked: Asked, incident: Incident) -> Outcome:
    """Once is enough; a time or words that are said with it must not be taken for heard."""
    entry = incident.first(Kind.RESOLVED)
    if asked.words and entry:
        raise NotAllowed(
            f"Nothing was changed: {incident.id} is {incident.status} already; "
            f"to correct when: fix {entry.id} at TIME; to say more: note {asked.words[:80]}"
        )
    return Outcome(text=f"{incident.id} is {incident.status} already.")
