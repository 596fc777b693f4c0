"""declare: open an incident."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import Opened

LONGEST = 200


@command("declare", usage="declare TITLE", order=0)
def declare(asked: Asked) -> Outcome:
    """Open an incident. The title alone is enough; the rest can be said later."""
    title = " ".join(asked.need("a title").split())[:LONGEST]
    opened = Opened(title=title, severity=asked.policy.default_severity)
    return Outcome(
        text=f"{{id}} opened: {title}",
        tell=(Tell(what=opened, at=asked.now),),
        flows=("open",),
        opens=True,
    )
