"""who: the people of an incident."""

from collections import Counter

from bot.commands import Asked, Outcome, command
from bot.incident import Incident


@command("who", usage="who", order=51)
def who(asked: Asked, incident: Incident) -> Outcome:
    """Show who has which role, which roles are free, who has said something, and who could not be invited."""
    asked.alone("who")
    lines = [f"{role}: {person.name or person.id}" for role, person in incident.roles.items()]
    lines += [f"{role}: nobody yet" for role in asked.policy.roles if role not in incident.roles]
    lines += _spoke(incident)
    names = _names(incident)
    lines += [
        f"not invited: {names.get(who, who)} ({how})" for who, how in incident.view.invited.items() if how != "invited"
    ]
    return Outcome(text="\n".join([f"{incident.id} {incident.title}", *lines]), private=True)


def _names(incident: Incident) -> dict[str, str]:
    """Who is called how, as far as the incident knows them."""
    known = [*incident.roles.values(), *(entry.author for entry in incident.entries)]
    return {person.id: person.name for person in known if person.id and person.name}


def _spoke(incident: Incident) -> list[str]:
    """Who has an entry of their own, the busiest first."""
    said = Counter(e.author.name or e.author.id for e in incident.entries if e.source.human and not e.dropped)
    named = ", ".join(f"{name} ({count})" for name, count in said.most_common(20) if name)
    return [f"spoke: {named}"] if named else []
