"""fix, drop, restore, history: corrections. The old words stay in the history."""

from bot.commands import Asked, Outcome, Tell, command, leading_time
from bot.facts import Corrected, Dropped, Restored
from bot.incident import Entry, Incident
from bot.ports import NotAllowed


@command("fix", usage="fix E4 TEXT, fix E4 at TIME", order=13)
def fix(asked: Asked, incident: Incident) -> Outcome:
    """Correct what an entry says, or when it happened. The old words stay in its history."""
    entry, rest = _entry(asked, incident)
    if not rest:
        raise NotAllowed(f"Nothing was changed: say what {entry.id} should be. Try: fix {entry.id} at 11:13")
    if rest.lower().startswith("at "):
        return _fix_time(asked, incident, entry, rest[3:])
    told = Corrected(entry=entry.id, text=rest)
    return Outcome(text=f"{entry.id}: {rest}", tell=(Tell(what=told, at=asked.now),))


def _fix_time(asked: Asked, incident: Incident, entry: Entry, words: str) -> Outcome:
    time = leading_time(asked, words, incident, example=f"fix {entry.id} at 11:13")
    told = Corrected(
        entry=entry.id,
        typed=time.typed,
        precision=time.precision,
        ends_at=time.ends_at,
        text=time.rest or None,
    )
    return Outcome(text=f"{entry.id} at {time.echo}", tell=(Tell(what=told, at=time.at),))


@command("drop", usage="drop E4", order=14)
def drop(asked: Asked, incident: Incident) -> Outcome:
    """Take an entry out of the timeline; “restore” brings it back."""
    entry, _ = _entry(asked, incident)
    tell = () if entry.dropped else (Tell(what=Dropped(entry=entry.id), at=asked.now),)
    return Outcome(text=f"{entry.id} dropped; “restore {entry.id}” brings it back.", tell=tell)


@command("restore", usage="restore E4", order=15)
def restore(asked: Asked, incident: Incident) -> Outcome:
    """Put a dropped entry back."""
    entry, _ = _entry(asked, incident)
    tell = (Tell(what=Restored(entry=entry.id), at=asked.now),) if entry.dropped else ()
    return Outcome(text=f"{entry.id} is in the timeline.", tell=tell)


@command("history", usage="history E4", order=16)
def history(asked: Asked, incident: Incident) -> Outcome:
    """Show what an entry said before it was corrected."""
    entry, _ = _entry(asked, incident)
    if not entry.history:
        return Outcome(text=f"{entry.id} was never changed: {entry.text}")
    lines = [
        f"until {r.at.astimezone(asked.zone):%Y-%m-%d %H:%M %Z} ({r.by}): {r.text}"
        + (f" [{r.typed}]" if r.typed else "")
        + (" [dropped]" if r.dropped else "")
        for r in entry.history
    ]
    return Outcome(text="\n".join([*lines, f"now: {entry.text}"]))


def _entry(asked: Asked, incident: Incident) -> tuple[Entry, str]:
    id, _, rest = asked.need("the entry's id, such as E4").partition(" ")
    if entry := incident.entry(id):
        return entry, rest.strip()
    last = f"E1 to E{len(incident.entries)}"
    raise NotAllowed(f"Nothing was changed: there is no entry {id.upper()}; there is {last}. “timeline” shows them.")
