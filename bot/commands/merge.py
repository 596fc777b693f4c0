"""merge: two incidents were one."""

import re

from bot.commands import Asked, Outcome, Regroup, command
from bot.incident import Incident
from bot.ports import NotAllowed

NUMBER = re.compile(r"(?:INC[^\w\s])?(?P<number>[0-9]{1,9})", re.IGNORECASE)


@command("merge", usage="merge INC-3", order=36)
def merge(asked: Asked, incident: Incident) -> Outcome:
    """Make another incident part of this one: its alerts and entries come here, and it is closed with a pointer."""
    named = NUMBER.fullmatch(asked.words)
    if named is None:
        raise NotAllowed("Nothing was merged: which incident? Say merge INC-n, in the one that stays.")
    other = int(named["number"])
    return Outcome(text=f"INC-{other} is part of {incident.id} now.", regroup=Regroup(merge=other))
