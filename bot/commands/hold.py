"""hold, release: the stop switch for every automatic or approved action."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import Held, Told
from bot.incident import Incident, Kind


@command("hold", usage="hold [WHY]", order=60)
def hold(asked: Asked, incident: Incident) -> Outcome:
    """Stop every action of the bot on servers in this incident, approved ones included. Checks still look."""
    tell = () if incident.held else (Tell(what=Held(on=True), at=asked.now),)
    why = (Tell(what=Told(kind=Kind.NOTE, text=asked.words), at=asked.now),) if asked.words else ()
    return Outcome(text="Held: the bot changes nothing until “release”.", tell=(*tell, *why))


@command("release", usage="release", order=61)
def release(asked: Asked, incident: Incident) -> Outcome:
    """Allow approved actions again."""
    asked.alone("release")
    tell = (Tell(what=Held(on=False), at=asked.now),) if incident.held else ()
    return Outcome(text="Released: approved actions may run.", tell=tell)
