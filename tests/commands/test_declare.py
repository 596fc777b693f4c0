"""declare: an incident with as little as possible."""

import pytest

from bot.incident import Kind
from bot.policy import Policy
from bot.slack.render import topic
from tests.talk import ANA, NOW, Talk


def test_the_title_is_enough_and_the_reply_begins_with_the_id(say: Talk) -> None:
    assert say("declare Pages are slow") == "INC-2 opened: Pages are slow"
    incident = say.incident(2)
    assert (incident.title, incident.severity, incident.opened_at) == ("Pages are slow", "SEV3", NOW)
    assert incident.entries[0].author == ANA
    assert ("open", 2) in say.flows()


def test_the_policy_decides_how_bad_it_is_at_first(say: Talk) -> None:
    say.policy = Policy(default_severity="SEV2")
    say("declare Pages are slow")
    assert say.incident(2).severity == "SEV2"


def test_not_even_a_title_is_needed(say: Talk) -> None:
    assert say("declare") == "INC-2 opened: now give it a title: title TEXT"
    assert say.incident(2).title == "Untitled incident"


def test_a_long_title_is_cut_and_nothing_is_lost(say: Talk) -> None:
    long = "Pages " + "very " * 60 + "slow"
    say(f"declare {long}")
    assert len(say.incident(2).title) == 200
    assert [e.text for e in say.incident(2).entries if e.kind is Kind.NOTE] == [long]


def test_a_title_with_our_own_placeholder_is_said_back_as_typed(say: Talk) -> None:
    assert say("declare the {id} is wrong") == "INC-2 opened: the {id} is wrong"


@pytest.mark.parametrize("flag", ["--private", "—private", "--PRIVATE", "–private"])
def test_a_private_one_says_its_title_to_nobody(say: Talk, flag: str) -> None:
    reply = say.reply(f"declare {flag} Payroll is visible", reply_to={"channel": "C1", "user": "U1", "thread": "1.2"})
    assert reply.text == "INC-2 opened: private; only those who are invited see it"
    assert reply.private
    assert (say.incident(2).private, say.incident(2).title) == (True, "Payroll is visible")
    due = next(due for due in say.store.dues() if due.incident == 2)
    assert "thread" not in due.args["reply_to"]
    say.channel = "CGENERAL"
    assert say("list") == "INC-1 SEV3 investigating: Web is out (#inc-1)"


def test_a_drill_is_marked_as_one_wherever_it_is_named(say: Talk) -> None:
    assert say("declare --drill Pages are slow") == "INC-2 opened, a drill: Pages are slow"
    assert say.incident(2).drill
    assert topic(say.incident(2)).startswith("DRILL · SEV3")
    assert "INC-2 SEV3 investigating: DRILL · Pages are slow" in say("list")
    say("declare --private --drill Payroll is visible")
    assert (say.incident(3).private, say.incident(3).drill, say.incident(3).title) == (True, True, "Payroll is visible")


def test_without_a_title_a_form_is_opened_where_that_can_be(say: Talk) -> None:
    reply = say.reply("declare", trigger="T1")
    assert reply.form is not None
    assert (reply.form.name, reply.form.carries) == ("declare_form", {"channel": "C1"})
    assert "say its title" in reply.text
    assert say.store.incident(2) is None
    assert say.reply("declare Pages are slow", trigger="T2").opened
