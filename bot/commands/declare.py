"""declare: open an incident."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import Opened, Told
from bot.incident import Kind

LONGEST = 200
UNTITLED = "Untitled incident"


@command("declare", usage="declare [TITLE]", order=0)
def declare(asked: Asked) -> Outcome:
    """Open an incident. A title is enough, or not even that; everything can be said later."""
    said = " ".join(asked.words.split())
    title = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    opened = Opened(title=title or UNTITLED, severity=asked.policy.default_severity)
    whole = () if said == title else (Tell(what=Told(kind=Kind.NOTE, text=asked.words), at=asked.now),)
    return Outcome(
        text=f"{{id}} opened: {title or 'now give it a title: title TEXT'}",
        tell=(Tell(what=opened, at=asked.now), *whole),
        flows=("open",),
        opens=True,
    )
