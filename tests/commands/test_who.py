"""who: the people of an incident."""

from bot.facts import Invited
from bot.policy import Policy
from tests.talk import BEN, Talk


def test_roles_speakers_and_who_could_not_be_invited(say: Talk) -> None:
    say.policy = Policy(roles=("commander", "scribe"))
    say("lead")
    say("note one")
    say.author = BEN
    say("note two")
    say.record(Invited(people={"U1": "invited", "UBEN": "is a guest", "@web": "there is no such group"}))
    reply = say.reply("who")
    assert reply.private
    assert reply.text.splitlines() == [
        "INC-1 Web is out",
        "commander: ana",
        "scribe: nobody yet",
        "spoke: ana (2), ben (1)",
        "not invited: ben (is a guest)",
        "not invited: @web (there is no such group)",
    ]
