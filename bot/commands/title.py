"""title: give the incident a better title."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import TitleSet
from bot.incident import Incident


@command("title", usage="title TEXT", order=42)
def title(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - asking for it means: only in one
    """Give it a better title."""
    better = " ".join(asked.need("the title").split())[:200]
    return Outcome(text=f"Title: {better}", tell=(Tell(what=TitleSet(title=better), at=asked.now),))
