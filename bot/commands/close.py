"""close, reopen: the record is complete, or it was not over."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import Closed, Reopened, Resolved
from bot.incident import Incident, Status
from bot.ports import NotAllowed


@command("close", usage="close", order=46)
def close(asked: Asked, incident: Incident) -> Outcome:
    """Complete the record: the postmortem is drafted, posted here and written to disk."""
    asked.alone("close")
    if not incident.open:
        return Outcome(text=f"{incident.id} is closed already. “postmortem” drafts again.")
    if incident.firing and incident.status is not Status.RESOLVED:
        titles = ", ".join(a.title for a in incident.firing[:3])
        raise NotAllowed(f"{incident.id} was not closed: still alerting ({titles}); say “resolve” first if it is over.")
    resolved = () if incident.status is Status.RESOLVED else (Tell(what=Resolved(), at=asked.now),)
    return Outcome(
        text=f"{incident.id} closed. The postmortem draft follows.",
        tell=(*resolved, Tell(what=Closed(), at=asked.now)),
        flows=("close",),
    )


@command("reopen", usage="reopen [TEXT]", order=47)
def reopen(asked: Asked, incident: Incident) -> Outcome:
    """It was not over: work on it again, in the same channel."""
    if incident.status not in {Status.CLOSED, Status.RESOLVED}:
        raise NotAllowed(f"Nothing was changed: {incident.id} is open, it is {incident.status}.")
    if incident.merged_into:
        raise NotAllowed(f"Nothing was changed: {incident.id} is part of INC-{incident.merged_into}; go on there.")
    return Outcome(text=f"{incident.id} is open again.", tell=(Tell(what=Reopened(text=asked.words), at=asked.now),))
