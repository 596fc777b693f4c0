"""Whether somebody has said the very same a moment ago: people press Enter again when an answer is late. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.commands import Tell
from bot.facts import ActionAdded, Opened, Told
from bot.incident import Entry, Incident
from bot.said import Said

AGAIN = timedelta(seconds=15)
"""For so long the same words of one person are taken for the same thing."""


def said_before(said: Said, tell: Sequence[Tell], incident: Incident) -> Entry | None:
    """The entry that says just this, of the same person, typed in the chat a moment before."""
    if not _typed(said) or len(tell) != 1:
        return None
    lately = [
        entry
        for entry in incident.entries
        if abs(said.at - entry.recorded_at) <= AGAIN
        and (entry.author.id, entry.source.type) == (said.author.id, "command")
        and not entry.dropped
    ]
    return next((entry for entry in lately if _same(tell[0], entry, incident)), None)


def declared_before(said: Said, tell: Sequence[Tell], incident: Incident) -> bool:
    """Whether this incident was opened with just these words, by the same person, a moment before."""
    first, what = incident.entries[0], tell[0].what
    if not _typed(said) or not isinstance(what, Opened) or abs(said.at - incident.opened_at) > AGAIN:
        return False
    if (first.author.id, first.source.type) != (said.author.id, "command") or not incident.open:
        return False
    texts = {entry.text for entry in incident.entries}
    more = all(isinstance(other.what, Told) and other.what.text in texts for other in tell[1:])
    return more and (incident.title, incident.private) == (what.title, what.private)


def _typed(said: Said) -> bool:
    return said.source.type == "command" and not said.button


def _same(tell: Tell, entry: Entry, incident: Incident) -> bool:
    match tell.what:
        case Told() as told:
            return (entry.kind, entry.text, entry.typed) == (told.kind, told.text, told.typed)
        case ActionAdded() as added:
            item = next((item for item in incident.action_items if item.entry == entry.id), None)
            return item is not None and (item.text, item.owner, item.due) == (added.text, added.owner, added.due)
        case _:
            return False


def asked_back(entry: Entry, said: Said) -> str:
    """What is answered: nothing is lost, and how to say that it happened twice."""
    ago = max(0, round((said.at - entry.recorded_at).total_seconds()))
    return (
        f"Nothing was added: {entry.id} says just that, recorded {ago} s ago. Did it happen twice? "
        "Then say when: at TIME TEXT"
    )


def opened_already(incident: Incident, said: Said) -> str:
    """What is answered to whoever declares it twice, before the way to its channel."""
    ago = max(0, round((said.at - incident.opened_at).total_seconds()))
    return f"Nothing was opened: {incident.id} is just that, opened {ago} s ago; for another one use other words."
