"""note: write a line into the timeline, now."""

from bot.commands import Asked, Outcome, Tell, command, next_entry
from bot.facts import Told
from bot.incident import Incident, Kind


@command("note", usage="note TEXT", order=10)
def note(asked: Asked, incident: Incident) -> Outcome:
    """Write a line into the timeline, with the time of now."""
    told = Told(kind=Kind.NOTE, text=asked.need("the text"))
    return Outcome(text=f"{next_entry(incident)} noted.", tell=(Tell(what=told, at=asked.now),))
