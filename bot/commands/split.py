"""split: an alert does not belong here."""

from bot.commands import Asked, Outcome, Regroup, command
from bot.incident import Incident
from bot.ports import NotAllowed


@command("split", usage="split DELIVERY", order=37)
def split(asked: Asked, incident: Incident) -> Outcome:
    """Take a delivery's alerts out of this incident into one of their own; what comes later of them goes there, too."""
    words = asked.words.split()
    if len(words) != 1:
        last = list(dict.fromkeys(f"{a.delivery} ({a.where or a.title})"[:60] for a in reversed(incident.alerts)))
        which = f"; here are {', '.join(last[:5])}" if last else ""
        raise NotAllowed(f"Nothing was split: say split DELIVERY{which}.")
    return Outcome(text="{id} opened.", regroup=Regroup(split=words[0]))
