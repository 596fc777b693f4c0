"""role, lead: who does what."""

import re

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import RoleGiven
from bot.incident import Incident, Person
from bot.journal import to_json
from bot.ports import NotAllowed

NAME_ALONE = "A name alone calls nobody: pick the person from the list that @ opens to have them invited."
MENTION = re.compile(r"<@(?P<id>[A-Z0-9]+)(\|(?P<name>[^>]*))?>")


@command("role", usage="role ROLE [@user]", order=43)
def role(asked: Asked, incident: Incident) -> Outcome:
    """Give a role (commander, scribe, …) to somebody, or take it yourself."""
    word, who = [*asked.need("the role").split(maxsplit=1), ""][:2]
    known = asked.policy.roles
    fitting = [r for r in known if r.lower().startswith(word.lower())]
    exact = [r for r in fitting if r.lower() == word.lower()]
    if len(exact or fitting) != 1:
        raise NotAllowed(f"No role was given: “{word}” is none of {', '.join(known)}; try: role {known[0]} @somebody")
    return _give(asked, incident, (exact or fitting)[0], who)


@command("lead", usage="lead [@user]", order=44)
def lead(asked: Asked, incident: Incident) -> Outcome:
    """Make somebody the commander, or yourself."""
    return _give(asked, incident, asked.policy.roles[0], asked.words)


def _give(asked: Asked, incident: Incident, wanted: str, who: str) -> Outcome:
    before = incident.roles.get(wanted)
    person = person_meant(asked, incident, who)
    if before == person:
        return Outcome(text=f"{wanted} is {person.name or person.id} already.")
    told = RoleGiven(role=wanted, person=person)
    args = {"role": wanted, "taker": to_json(person), "giver": to_json(before) if before else None}
    alone = "" if person.id or not asked.said.channel else f" {NAME_ALONE}"
    text = f"{wanted}: {person.name or person.id}.{alone}"
    return Outcome(text=text, tell=(Tell(what=told, at=asked.now),), flows=("role",), args=args)


def person_meant(asked: Asked, incident: Incident, who: str) -> Person:
    """Who is to have a role: the author where nobody is named, and for a name alone whom this incident knows by it."""
    if who.strip().lower() in {"", "me", "@me"}:
        return asked.said.author
    named = person_named(who)
    known = [asked.said.author, *incident.roles.values(), *(entry.author for entry in incident.entries)]
    same = {p.id: p for p in known if p.id and p.name.lower() == named.name.lower()}
    return next(iter(same.values())) if not named.id and len(same) == 1 else named


def person_named(word: str) -> Person:
    """The person that a mention or a plain name stands for."""
    if mention := MENTION.search(word):
        return Person(id=mention["id"], name=mention["name"] or mention["id"])
    name = word.strip().lstrip("@")
    return Person(id="", name=name)
