"""title: give the incident a better title."""

from bot.commands import Asked, Outcome, Tell, command
from bot.commands.declare import LONGEST
from bot.facts import TitleSet, Told
from bot.incident import Incident, Kind


@command("title", usage="title TEXT", order=42)
def title(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - asking for it means: only in one
    """Give it a better title."""
    said = " ".join(asked.need("the title").split())
    better = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    whole = () if said == better else (Tell(what=Told(kind=Kind.NOTE, text=said), at=asked.now),)
    return Outcome(text=f"Title: {better}", tell=(Tell(what=TitleSet(title=better), at=asked.now), *whole))
