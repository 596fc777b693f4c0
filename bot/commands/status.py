"""status: where the incident stands."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import StatusSet
from bot.forms import SETTABLE
from bot.incident import Incident, Status
from bot.ports import NotAllowed


@command("status", usage="status WORD", order=41)
def status(asked: Asked, incident: Incident) -> Outcome:
    """Say where it stands: investigating, identified or monitoring. Alone: how it stands."""
    if not asked.words:
        failed = "".join(
            f"\n{t.step.capitalize()} failed: {t.text} {t.fix}".rstrip() for t in incident.troubles.values()
        )
        return Outcome(text=f"{incident.id} is {incident.status}, {incident.severity}: {incident.title}{failed}")
    word = asked.words.lower()
    if word in {Status.RESOLVED, Status.CLOSED}:
        verb = "resolve" if word == Status.RESOLVED else "close"
        raise NotAllowed(f"The status stays {incident.status}: say “{verb}” for that, so that it gets its time.")
    fitting = [s for s in SETTABLE if s.value.startswith(word)]
    if len(fitting) != 1:
        raise NotAllowed(f"The status stays {incident.status}: say one of {', '.join(SETTABLE)}.")
    if incident.status in {Status.RESOLVED, Status.CLOSED}:
        raise NotAllowed(f"The status stays {incident.status}: if it was not over, say “reopen” first.")
    tell = () if fitting[0] is incident.status else (Tell(what=StatusSet(status=fitting[0]), at=asked.now),)
    return Outcome(text=f"Status: {fitting[0]}.", tell=tell)
