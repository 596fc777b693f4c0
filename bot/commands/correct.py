"""fix, drop, restore, history: corrections. The old words stay in the history."""

from datetime import tzinfo

from bot.commands import Asked, Outcome, Tell, command, leading_time
from bot.commands.timeline import shown_time
from bot.facts import Corrected, Dropped, Restored
from bot.incident import Entry, Incident, Revision
from bot.ports import NotAllowed
from bot.spoken.zone import label


@command("fix", usage="fix E4 TEXT, fix E4 at TIME", order=13)
def fix(asked: Asked, incident: Incident) -> Outcome:
    """Correct what an entry says, or when it happened. The old words stay in its history."""
    entry, rest = _entry(asked, incident)
    if not rest:
        raise NotAllowed(f"Nothing was changed: say what {entry.id} should be; try: fix {entry.id} at 11:13")
    if rest.lower().split(maxsplit=1)[0] == "at":
        return _fix_time(asked, incident, entry, rest[2:].strip())
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
    entry = _only_entry(asked, incident, "drop")
    tell = () if entry.dropped else (Tell(what=Dropped(entry=entry.id), at=asked.now),)
    return Outcome(text=f"{entry.id} dropped; “restore {entry.id}” brings it back.", tell=tell)


@command("restore", usage="restore E4", order=15)
def restore(asked: Asked, incident: Incident) -> Outcome:
    """Put a dropped entry back."""
    entry = _only_entry(asked, incident, "restore")
    tell = (Tell(what=Restored(entry=entry.id), at=asked.now),) if entry.dropped else ()
    return Outcome(text=f"{entry.id} is in the timeline.", tell=tell)


@command("history", usage="history E4", order=16)
def history(asked: Asked, incident: Incident) -> Outcome:
    """Show what an entry said before it was corrected."""
    entry = _only_entry(asked, incident, "history")
    if not entry.history:
        return Outcome(text=f"{entry.id} was never changed: {_was(entry, asked.zone)}")
    lines = [
        f"until {r.at.astimezone(asked.zone):%Y-%m-%d %H:%M} {label(r.at, asked.zone)} ({r.by or 'somebody'}): "
        + _was(r, asked.zone)
        for r in entry.history
    ]
    return Outcome(text="\n".join([*lines, f"now: {_was(entry, asked.zone)}"]))


def _was(of: Entry | Revision, zone: tzinfo) -> str:
    return f"{shown_time(of, zone)} {of.text}" + (" [dropped]" if of.dropped else "")


def _entry(asked: Asked, incident: Incident) -> tuple[Entry, str]:
    id, rest = [*asked.need("the entry's id (such as E4)").split(maxsplit=1), ""][:2]
    if entry := incident.entry(id.rstrip(":,")):
        return entry, rest
    last = f"E1 to E{len(incident.entries)}"
    raise NotAllowed(f"Nothing was changed: there is no entry {id.upper()}; there is {last}, “timeline” shows them.")


def _only_entry(asked: Asked, incident: Incident, word: str) -> Entry:
    entry, rest = _entry(asked, incident)
    if rest:
        raise NotAllowed(f"Nothing was done: say only “{word} {entry.id}”; to keep the rest say: note {rest[:80]}")
    return entry
