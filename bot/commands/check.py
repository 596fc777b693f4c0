"""check: run the checks again."""

import re

from bot.commands import Asked, Outcome, command
from bot.incident import Incident
from bot.ports import NotAllowed

WORDS = re.compile(r"(?P<runbook>[a-z][a-z0-9-]*)?\s*(on\s+(?P<host>\S+))?", re.IGNORECASE)


@command("check", usage="check [RUNBOOK] [on HOST]", order=31)
def check(asked: Asked, incident: Incident) -> Outcome:
    """Run the runbook's checks again, on the affected server or on another one of the inventory."""
    said = WORDS.fullmatch(asked.words.strip())
    if said is None:
        raise NotAllowed("No check was run: say check, check RUNBOOK, or check RUNBOOK on HOST.")
    wanted = {"runbook": said["runbook"] or "", "host": said["host"] or ""}
    if wanted["runbook"].lower() == "on":
        raise NotAllowed("No check was run: on which host? Say check on HOST.")
    if why := asked.no_checks(incident, wanted["host"], wanted["runbook"]):
        raise NotAllowed(why)
    return Outcome(text="The checks are running; the card shows what they find.", flows=("check",), args=wanted)
