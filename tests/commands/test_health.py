"""health: the bot's own."""

from bot.hear import Hearing
from bot.incident import Source
from bot.said import Said
from tests.talk import ANA, NOW, Talk


def test_at_the_terminal_the_record_answers(say: Talk) -> None:
    assert say("health") == "The record can be read and written."
    assert "alone" in say.refused("health now")


def test_whoever_runs_tells_how_it_is(say: Talk) -> None:
    hearing = Hearing(say.store, policy=say.policy, zone="UTC", health=lambda: ["Slack: away since 10:30"])
    said = Said(key="h", text="health", author=ANA, at=NOW, source=Source(type="command"), channel="CGENERAL")
    reply = hearing.answer(said)
    assert (reply.text, reply.private) == ("Slack: away since 10:30", True)
