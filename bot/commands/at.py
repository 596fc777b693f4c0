"""at: write a line into the timeline at the time when it happened."""

from bot.commands import Asked, Outcome, Tell, command, leading_time, next_entry
from bot.facts import Told
from bot.incident import Incident, Kind
from bot.ports import NotAllowed


@command("at", usage="at TIME TEXT", order=11)
def at(asked: Asked, incident: Incident) -> Outcome:
    """Write a line into the timeline at the time when it happened: at 11:13 found the wrong port."""
    time = leading_time(asked, asked.need("the time"), incident, example="at 11:13 found the wrong port")
    if not time.rest:
        raise NotAllowed(f"Nothing was recorded: what happened at {time.typed}? Try: at {time.typed} what happened")
    told = Told(kind=Kind.NOTE, text=time.rest, typed=time.typed, precision=time.precision, ends_at=time.ends_at)
    return Outcome(text=f"{next_entry(incident)} at {time.echo}", tell=(Tell(what=told, at=time.at),))
