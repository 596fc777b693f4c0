"""postmortem: draft again."""

from bot.commands import Asked, Outcome, command
from bot.incident import Incident
from bot.ports import NotAllowed


@command("postmortem", usage="postmortem", order=48)
def postmortem(asked: Asked, incident: Incident) -> Outcome:
    """Draft the postmortem again from what the record says now."""
    asked.alone("postmortem")
    if incident.open:
        raise NotAllowed(f"Nothing was drafted: {incident.id} is {incident.status}; “close” drafts it.")
    return Outcome(text="The postmortem is being drafted again.", flows=("draft",))
