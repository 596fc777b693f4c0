"""postmortem: draft again, name who owns and reviews it, and say where the review stands."""

from bot.commands import Asked, Outcome, Tell, command
from bot.commands.role import person_meant
from bot.facts import ReviewMoved, RoleGiven
from bot.incident import Incident, Review
from bot.ports import NotAllowed

PEOPLE = ("owner", "reviewer")
STATES = {"draft": Review.DRAFT, "review": Review.IN_REVIEW, "done": Review.DONE}
USAGE = "postmortem [owner @user | reviewer @user | draft | review | done | status]"


@command("postmortem", usage=USAGE, order=48)
def postmortem(asked: Asked, incident: Incident) -> Outcome:
    """Draft the postmortem again from what the record says now, or move its review."""
    word, who = [*asked.words.split(maxsplit=1), "", ""][:2]
    word = word.lower()
    if word in PEOPLE:
        return _give(asked, incident, word, who)
    if word == "status" and not who:
        return Outcome(text=_status(incident))
    if incident.open:
        raise NotAllowed(f"Nothing was drafted: {incident.id} is {incident.status}; “close” drafts it.")
    if not word:
        return Outcome(text="The postmortem is being drafted again.", flows=("draft",))
    if word in STATES and not who:
        return _move(asked, incident, STATES[word])
    raise NotAllowed(f"Nothing was done: “{asked.words[:60]}” is none of these: {USAGE}")


def _give(asked: Asked, incident: Incident, role: str, who: str) -> Outcome:
    person = person_meant(asked, incident, who)
    name = person.name or person.id
    if incident.roles.get(role) == person:
        return Outcome(text=f"{name} is the {role} of the postmortem already.")
    told = RoleGiven(role=role, person=person)
    return Outcome(text=f"{name} is the {role} of the postmortem.", tell=(Tell(what=told, at=asked.now),))


def _move(asked: Asked, incident: Incident, state: Review) -> Outcome:
    if incident.review is state:
        return Outcome(text=f"The postmortem of {incident.id} is {_words(state)} already.")
    if state is Review.DONE and (open_ends := _open_ends(incident)):
        raise NotAllowed(f"The review was not ended: {'; '.join(open_ends)}.")
    return Outcome(
        text=f"The postmortem of {incident.id} is {_words(state)}.",
        tell=(Tell(what=ReviewMoved(state=state), at=asked.now),),
        flows=("draft",),
    )


def _words(state: Review) -> str:
    return "reviewed and done" if state is Review.DONE else f"in {state}" if state is Review.DRAFT else state.value


def _open_ends(incident: Incident) -> list[str]:
    """What a reviewed postmortem must have and this one has not, each with the words that add it."""
    ends = [] if incident.roles.get("owner") else ["it has no owner: postmortem owner @user"]
    for item in incident.action_items:
        fields = (("an owner", item.owner, "@user"), ("a date", item.due, "by DATE"))
        wanted = [*fields, ("a test", item.done_when, "done when TEXT")]
        lacking = [(name, how) for name, value, how in wanted if not value]
        if lacking and item.state != "done":
            *names, last = [name for name, _ in lacking]
            what = f"{', '.join(names)} and {last}" if names else last
            ends.append(f"{item.id} lacks {what}: action {item.id} {' '.join(how for _, how in lacking)}")
    return ends


def _status(incident: Incident) -> str:
    people = [f"{role.capitalize()}: {p.name or p.id}." for role in PEOPLE if (p := incident.roles.get(role))]
    told = [f"The postmortem of {incident.id} is {_words(incident.review)}.", *people]
    open_ends = _open_ends(incident)
    return "\n".join([*told, *(f"Still open: {end}" for end in open_ends)])
