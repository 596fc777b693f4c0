"""sev: how bad it is."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import SeveritySet
from bot.incident import Incident
from bot.ports import NotAllowed


@command("sev", usage="sev N", order=40)
def sev(asked: Asked, incident: Incident) -> Outcome:
    """Set how bad it is; 1 is worst."""
    choices = asked.policy.severities
    word = asked.words.split()[0].upper() if asked.words else ""
    wanted = next((s for s in choices if word and s.upper() in {word, f"SEV{word}"}), None)
    if wanted is None:
        raise NotAllowed(
            f"The severity stays {incident.severity}: “{asked.words}” is none. Say one of {', '.join(choices)}."
        )
    if wanted == incident.severity:
        return Outcome(text=f"It is {wanted} already.")
    return Outcome(
        text=f"Severity {incident.severity} → {wanted}.",
        tell=(Tell(what=SeveritySet(severity=wanted), at=asked.now),),
    )
