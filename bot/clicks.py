"""The card's buttons: like words, but pressed. Only here can a repair be approved."""

from bot.commands import Asked, Command, Outcome, Tell
from bot.facts import Told
from bot.incident import Incident, Kind
from bot.ports import NotAllowed


def approve_repair(asked: Asked, incident: Incident) -> Outcome:
    """Ask for this plan to be carried out; who may is decided by the flow, which asks the chat who is in the group."""
    if incident.repair(asked.words) is None:
        raise NotAllowed("Nothing was approved: this offer is not of this incident; “check” makes a new one.")
    said = asked.said
    click = {
        "plan": asked.words,
        "user": said.author.id,
        "name": said.author.name,
        "channel": said.channel,
        "message": said.message,
    }
    return Outcome(text="", flows=("approve",), args=click)


def run_checks(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - one shape for all clicks
    """Run the checks again."""
    return Outcome(text="", flows=("check",))


def not_the_cause(asked: Asked, incident: Incident) -> Outcome:
    """Say that what the checks found is not the cause."""
    cause = next((c.text for c in incident.causes if c.id == asked.words), None)
    repair = incident.repair(asked.words)
    if not (about := cause or (repair.title if repair else "")):
        raise NotAllowed("Nothing was recorded: this offer is not of this incident; “ruled-out TEXT” says it in words.")
    text = f"Not the cause, says a person: {about}"
    said_before = any(e.text == text and not e.dropped for e in incident.entries)
    tell = () if said_before else (Tell(what=Told(kind=Kind.RULED_OUT, text=text), at=asked.now),)
    return Outcome(text="Ruled out; the timeline says so.", tell=tell)


CLICKS = {
    run.__name__: Command(name=run.__name__, usage="", help=run.__doc__ or "", run=run, needs_incident=True, order=0)
    for run in (approve_repair, run_checks, not_the_cause)
}
