"""What is pressed: the buttons of card and Home, shortcuts, and forms that were filled in. Only here can a repair be
approved.

They are words without text: what was pressed is `Said.button`, what hangs on it `Said.value`, what was filled in
`Said.answers`. One that takes no incident may look at the one of its place (`Asked.here`).
"""

import inspect
from collections.abc import Callable, Mapping

from bot.commands import Asked, Command, Outcome, Regroup, Tell
from bot.commands.declare import open_incident
from bot.facts import RemindersStopped, StatusSet, Told
from bot.forms import CAPTURE, DECLARE, UPDATE, capture_form, declare_form, update_form
from bot.incident import Incident, Kind, Status, problem_id
from bot.journal import to_json
from bot.ports import NotAllowed
from bot.said import Quote

TITLE = 150
"""So much of a message is proposed as title."""


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


def try_again(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - one shape for all clicks
    """Try at once what failed: somebody has done what the card asks for."""
    if not incident.troubles:
        return Outcome(text="Nothing is left to be tried again.")
    return Outcome(text=f"Tried again: {', '.join(incident.troubles)}.", hastens="retry")


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


def declare_incident(asked: Asked) -> Outcome:
    """Open the form that declares."""
    return Outcome(
        text="No incident was opened yet: that took too long for a form; say it instead: declare TITLE",
        form=declare_form(asked.policy),
    )


def declare_from_message(asked: Asked) -> Outcome:
    """Open the form that declares, with the message as its title; the message goes into the timeline."""
    words = " ".join(_quote(asked).text.split())
    return Outcome(
        text=f"No incident was opened yet: that took too long for a form; say it instead: declare {words[:80]}",
        form=declare_form(asked.policy, title=words[:TITLE], carries={"quote": asked.said.key}),
    )


def declared(asked: Asked) -> Outcome:
    """Open the incident that the form describes."""
    said = asked.said.answers
    severity = said.get("severity", "")
    if severity and severity not in asked.policy.severities:
        raise NotAllowed(f"No incident was opened: there is no severity {severity} any more; say: declare TITLE")
    return open_incident(
        asked,
        said.get("title", ""),
        severity=severity,
        service=said.get("service", ""),
        private=said.get("private") == "yes",
        quote=asked.said.quote,
    )


def update_incident(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - one shape for all clicks
    """Open the form that tells how it stands."""
    return Outcome(text="Nothing was told yet; say: update TEXT, or: status WORD", form=update_form(incident))


def updated(asked: Asked, incident: Incident) -> Outcome:
    """Record what the form tells: where it stands, and an update for those outside."""
    said = asked.said.answers
    status, text = said.get("status", ""), said.get("text", "").strip()
    over = incident.status in {Status.RESOLVED, Status.CLOSED}
    new = bool(status) and not over and status != incident.status
    moved = (Tell(what=StatusSet(status=Status(status)), at=asked.now),) if new else ()
    told = (Tell(what=Told(kind=Kind.UPDATE, text=text), at=asked.now),) if text else ()
    stays = f" The status stays {incident.status}: if it was not over, say “reopen” first." if over and status else ""
    words = [*([f"Status: {status}."] if moved else []), *(["Update recorded."] if told else [])]
    return Outcome(text=(" ".join(words) or "Nothing is new.") + stays, tell=(*moved, *told))


def add_to_timeline(asked: Asked) -> Outcome:
    """Capture a message: here, or in the incident that the form asks for."""
    quote = _quote(asked)
    if asked.here:
        return Outcome(text="", flows=("capture",), args={"quote": to_json(quote)})
    if not asked.open_incidents:
        raise NotAllowed("Nothing was captured: no incident is open; to open one: declare TITLE")
    return Outcome(
        text="Nothing was captured yet: that took too long for a form; "
        f"say it instead: INC-n note {quote.words[:80]}, with n one of "
        f"{', '.join(i.id.removeprefix('INC-') for i in asked.open_incidents[:10])}",
        form=capture_form(asked.open_incidents, quote=asked.said.key),
    )


def captured(asked: Asked, incident: Incident) -> Outcome:  # noqa: ARG001 - asking for it means: only in one
    """Capture the message about which the form asked."""
    return Outcome(text="", flows=("capture",), args={"quote": to_json(_quote(asked))})


def stop_reminding(asked: Asked, incident: Incident) -> Outcome:
    """Stop the reminders of this incident, for all."""
    if not incident.view.reminding:
        return Outcome(text=f"The reminders of {incident.id} are stopped already.")
    told = Tell(what=RemindersStopped(), at=asked.now)
    return Outcome(text=f"No more reminders of {incident.id}, for anybody.", tell=(told,))


def channel_changed(asked: Asked, incident: Incident) -> Outcome:
    """Follow what people did to the channel; what hangs on it is how the chat calls that."""
    before = sum(entry.recorded_at <= asked.now for entry in incident.entries)  # the word of it may come late
    told = {"deleted": asked.words.endswith("_deleted"), "entries": before}
    return Outcome(text="", flows=("look",), args=told)


def open_proposal(asked: Asked) -> Outcome:
    """Make an incident of what was proposed."""
    return Outcome(text="{id} opened.", regroup=Regroup(accept=asked.words))


def ignore_proposal(asked: Asked) -> Outcome:
    """Say that what was proposed is no incident."""
    return Outcome(text="Ignored; the card says so.", regroup=Regroup(dismiss=asked.words))


def open_listed(asked: Asked, incident: Incident) -> Outcome:
    """Make an incident of its own of one problem that a storm lists."""
    found = next((a.fingerprint for a in incident.alerts if asked.words == problem_id(a)), "")
    if not found:
        raise NotAllowed(f"Nothing was opened: this problem is no longer listed in {incident.id}; its card shows all.")
    return Outcome(text="{id} opened.", regroup=Regroup(problem=found))


def _quote(asked: Asked) -> Quote:
    if asked.said.quote is None:
        raise NotAllowed("Nothing was captured: the message is not known any more; use the shortcut on it once more.")
    return asked.said.quote


def _click(name: str, run: Callable[..., Outcome]) -> Command:
    needs = "incident" in inspect.signature(run).parameters
    return Command(name=name, usage="", help=run.__doc__ or "", run=run, needs_incident=needs, order=0)


_RUNS: Mapping[str, Callable[..., Outcome]] = {
    "approve_repair": approve_repair,
    "run_checks": run_checks,
    "try_again": try_again,
    "not_the_cause": not_the_cause,
    "declare_incident": declare_incident,
    "declare_from_message": declare_from_message,
    DECLARE: declared,
    "update_incident": update_incident,
    UPDATE: updated,
    "add_to_timeline": add_to_timeline,
    CAPTURE: captured,
    "open_proposal": open_proposal,
    "ignore_proposal": ignore_proposal,
    "open_listed": open_listed,
    "stop_reminding": stop_reminding,
    "channel_changed": channel_changed,
}
CLICKS = {name: _click(name, run) for name, run in _RUNS.items()}
