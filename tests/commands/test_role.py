"""role, lead: who does what."""

import pytest

from bot.incident import Person
from bot.policy import Policy
from tests.talk import ANA, Talk


@pytest.mark.parametrize("words", ["lead", "lead me", "role commander", "role COMM", "role commander @me"])
def test_taking_a_role(say: Talk, words: str) -> None:
    say.policy = Policy(roles=("commander", "scribe"))
    assert say(words) == "commander: ana."
    assert say.incident().roles == {"commander": ANA}
    assert say(words) == "commander is ana already."


def test_giving_a_role_by_mention_or_by_name(say: Talk) -> None:
    assert say("lead <@U123|ben>") == "commander: ben."
    assert say("role scribe @cleo").startswith("scribe: cleo. A name alone calls nobody:")
    assert say.incident().roles == {"commander": Person(id="U123", name="ben"), "scribe": Person(name="cleo")}


def test_a_name_alone_is_whom_the_incident_knows_by_it(say: Talk) -> None:
    say("lead <@U123|ben>")
    assert say("role scribe Ben") == "scribe: ben."
    assert say.incident().roles["scribe"] == Person(id="U123", name="ben")
    say.channel = ""
    assert say("INC-1 role scribe cleo") == "scribe: cleo."


@pytest.mark.parametrize("words", ["role chef @ana", "role comm"])
def test_an_unknown_or_ambiguous_role_is_refused_with_the_known_ones(say: Talk, words: str) -> None:
    assert "commander, scribe, communications" in say.refused(words)


def test_a_role_needs_its_name(say: Talk) -> None:
    assert say.refused("role") == "Nothing was recorded: the role is missing; say it after the word."
