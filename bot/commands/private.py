"""private: only those who are invited see the incident."""

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import MadePrivate
from bot.incident import Incident


@command("private", usage="private", order=49)
def private(asked: Asked, incident: Incident) -> Outcome:
    """Go on in a new private channel; lists, announcements and its title are for nobody else any more."""
    asked.alone("private")
    if incident.private:
        return Outcome(text=f"{incident.id} is private already.", private=True)
    old = incident.view.channel
    left = {"id": old.id, "name": old.name, "card": incident.view.card} if old else {}
    stays = " What people wrote here stays readable for all who can see this channel: delete it by hand." if old else ""
    return Outcome(
        text=f"{incident.id} is private now and goes on in a new private channel.{stays}",
        tell=(Tell(what=MadePrivate(), at=asked.now),),
        flows=("hide",),
        args={"left": left, "invite": list(insiders(asked, incident))},
        private=True,
    )


def insiders(asked: Asked, incident: Incident) -> dict[str, None]:
    """The ids of those who go along: whoever asks, whoever has a role, whoever opened it."""
    people = [asked.said.author, *incident.roles.values(), *(e.author for e in incident.entries[:1] if e.source.human)]
    return dict.fromkeys(person.id for person in people if person.id)
