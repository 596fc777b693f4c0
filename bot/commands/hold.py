"""hold, release: the stop switch for every automatic or approved action."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import Held
from bot.incident import Incident


@command("hold", usage="hold", order=60)
def hold(asked: Asked, incident: Incident) -> Outcome:
    """Stop every action of the bot on servers in this incident, approved ones included. Checks still look."""
    tell = () if incident.held else (Tell(what=Held(on=True), at=asked.now),)
    return Outcome(text="Held: the bot changes nothing until “release”.", tell=tell)


@command("release", usage="release", order=61)
def release(asked: Asked, incident: Incident) -> Outcome:
    """Allow approved actions again."""
    tell = (Tell(what=Held(on=False), at=asked.now),) if incident.held else ()
    return Outcome(text="Released: approved actions may run.", tell=tell)
