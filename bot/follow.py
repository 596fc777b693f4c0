"""What happens to messages that people put into a timeline: marked, unmarked, edited, deleted. Pure decisions.

Nobody is answered: the timeline follows, and a mark on the message says so. Whether a message is still marked by
anybody only the chat knows; that is asked by the flow.
"""

from collections.abc import Callable, Mapping

from bot.commands import Asked, Outcome, Tell
from bot.facts import Dropped, MessageChanged
from bot.incident import Incident


def pin_added(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - one shape for all
    """Somebody marked a message."""
    return _look(asked, added=True)


def pin_removed(asked: Asked, incident: Incident) -> Outcome:
    """Somebody took their mark away."""
    entry = incident.captured(asked.words)
    marked = entry is not None and entry.source.type == "reaction" and not entry.dropped
    return _look(asked, added=False) if marked else Outcome(text="")


def message_changed(asked: Asked, incident: Incident) -> Outcome:
    """The message was edited; a correction by hand is the later word and stays."""
    entry, now = incident.captured(asked.words), asked.said.text
    if entry is None or entry.by_hand or entry.text == now:
        return Outcome(text="")
    return Outcome(text="", tell=(Tell(what=MessageChanged(message=asked.words, text=now), at=asked.now),))


def message_deleted(asked: Asked, incident: Incident) -> Outcome:
    """The message was deleted: its entry is dropped, and can be restored."""
    entry = incident.captured(asked.words)
    if entry is None or entry.dropped:
        return Outcome(text="")
    return Outcome(text="", tell=(Tell(what=Dropped(entry=entry.id), at=asked.now),))


def _look(asked: Asked, *, added: bool) -> Outcome:
    return Outcome(text="", flows=("capture",), args={"message": asked.words, "added": added})


FOLLOWED: Mapping[str, Callable[[Asked, Incident], Outcome]] = {
    "pin_added": pin_added,
    "pin_removed": pin_removed,
    "message_changed": message_changed,
    "message_deleted": message_deleted,
}
