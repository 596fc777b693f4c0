"""The lines that stand alone in an incident's channel: reminders, and who handed a role to whom. Pure."""

from __future__ import annotations

from bot.incident import Incident, Person, Reminded
from bot.reminders import About, promised
from bot.slack.blocks import Block, actions, button, one_line, person, section
from bot.slack.render import Message

STOP = "stop_reminding"
NAMED = 5
"""So many open actions are named."""


def reminder(incident: Incident, about: str, *, command: str = "/incident") -> Message:
    """What people are reminded of, or that it is done; one click stops all reminders of the incident."""
    given = incident.view.reminders.get(about, Reminded())
    told = _told(incident, about, one_line(command, 32))
    if given.settled:
        told = f"~{told}~ Done."
    elif not incident.view.reminding:
        told = f"{told} (Somebody stopped the reminders of {incident.id}.)"
    elif given.times:
        told = f"{told} (Said for the last time.)"
    row = [] if given.settled or not incident.view.reminding else [_stop(incident)]
    return Message(text=told, blocks=[section(told), *row])


def _told(incident: Incident, about: str, command: str) -> str:
    match about:
        case About.COMMANDER:
            return f"Nobody leads {incident.id} yet: `{command} lead` takes it, `{command} lead @somebody` gives it."
        case About.UPDATE:
            outside = f"Nobody outside has heard of {incident.id} for a while"
            return f"{outside}: `{command} update …` tells them."
        case About.POSTMORTEM:
            return (
                f"{_owner(incident)}The postmortem of {incident.id} is not done yet: "
                f"complete the draft, then `{command} postmortem done`."
            )
        case _:
            return f"Still to be done of {incident.id}: {_items(incident)}. `{command} done A1` when it is."


def _owner(incident: Incident) -> str:
    """Whom the postmortem concerns: its owner, else whoever had the first role. The only one whom a reminder calls."""
    someone = incident.roles.get("owner") or next(iter(incident.roles.values()), None)
    return f"{person(someone.id, someone.name)}: " if someone else ""


def _items(incident: Incident) -> str:
    late = promised(incident)
    named = [
        f"{one_line(item.id, 20)} {one_line(item.text, 100)} ({one_line(item.owner, 60) or 'no owner'}, by {item.due})"
        for item in late[:NAMED]
    ]
    return "; ".join(named) + (f"; and {len(late) - NAMED} more" if len(late) > NAMED else "")


def _stop(incident: Incident) -> Block:
    return actions(button("Stop reminding", action=STOP, value=incident.id))


def handed_over(role: str, giver: Person, taker: Person) -> Message:
    """Who had a role and who has it now; both hear of it."""
    told = f"{one_line(role, 30).capitalize()}: {person(taker.id, taker.name)} takes over from "
    told += f"{person(giver.id, giver.name)}."
    return Message(text=told, blocks=[section(told)])
