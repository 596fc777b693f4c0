"""private: what others may not know."""

from bot.incident import Channel, Person
from bot.said import Reply
from tests.talk import Talk


def test_it_leaves_its_channel_and_is_not_there_for_others(say: Talk) -> None:
    say("lead <@UBEN|ben>")
    reply = say.reply("private")
    assert reply.private
    assert reply.text.startswith("INC-1 is private now and goes on in a new private channel. What people wrote here")
    incident = say.incident()
    assert (incident.private, incident.view.channel) == (True, None)
    due = next(due for due in say.store.dues() if due.flow == "hide")
    assert due.args["left"] == {"id": "C1", "name": "inc-1", "card": ""}
    assert due.args["invite"] == ["UANA", "UBEN"]
    assert "there is no INC-1" in say.refused("INC-1 timeline")
    assert say("list") == "No open incidents."


def test_twice_is_once(say: Talk) -> None:
    from bot.facts import ChannelOpened

    say("private")
    say.record(ChannelOpened(channel=Channel(id="C9", name="inc-1")))
    say.channel = "C9"
    assert say("private") == "INC-1 is private already."
    assert "say “private” alone" in say.refused("private please")


def test_at_the_terminal_its_title_is_not_listed_either(say: Talk) -> None:
    say("private")
    say.channel = "CGENERAL"
    say("declare Pages are slow")
    say.channel, say.author = "", Person(name="root")
    reply: Reply = say.reply("note x")
    assert "INC-1 (private), INC-2 (Pages are slow)" in reply.text
