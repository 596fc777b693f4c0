"""sev: how bad it is."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import SeveritySet, Told
from bot.incident import Incident, Kind
from bot.ports import NotAllowed


@command("sev", usage="sev N [WHY]", order=40)
def sev(asked: Asked, incident: Incident) -> Outcome:
    """Set how bad it is; 1 is worst."""
    choices = asked.policy.severities
    word, why = [*asked.words.split(maxsplit=1), "", ""][:2]
    word = word.upper()
    wanted = next((s for s in choices if word and s.upper() in {word, f"SEV{word}"}), None)
    if wanted is None:
        why_not = f"“{asked.words[:80]}” is none; " if asked.words else ""
        raise NotAllowed(f"The severity stays {incident.severity}: {why_not}say one of {', '.join(choices)}.")
    note = (Tell(what=Told(kind=Kind.NOTE, text=why), at=asked.now),) if why else ()
    if wanted == incident.severity:
        return Outcome(text=f"It is {wanted} already.", tell=note)
    return Outcome(
        text=f"Severity {incident.severity} → {wanted}.",
        tell=(Tell(what=SeveritySet(severity=wanted), at=asked.now), *note),
    )
