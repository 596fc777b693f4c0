"""Who may do what: the whole matrix, and how a refusal reads."""

from __future__ import annotations

import itertools

import pytest

from bot import commands
from bot.clicks import CLICKS
from bot.follow import FOLLOWED
from bot.permission import ACTS, MAY, Act, act_of, allow, may
from bot.ports import NotAllowed, PersonKind
from tests.talk import Talk

KINDS = ["member", "guest", "single-channel guest", "stranger", "bot", "deactivated", "unknown"]
TABLE = {
    #                 memb guest single strang bot  deact unknown
    "speaking": "     yes  yes   yes    yes    no   no    yes",
    "opening an incident": "yes yes yes no no no yes",
    "seeing other incidents": "yes yes no no no no no",
    "running checks on servers": "yes yes yes no no no no",
    "stopping actions": "yes yes yes no no no yes",
    "releasing actions": "yes no no no no no no",
    "merging and splitting incidents": "yes no no no no no no",
    "closing and reopening": "yes no no no no no no",
    "making an incident private": "yes no no no no no no",
    "approving a repair": "yes no no no no no no",
    "what happens by itself": "yes yes yes yes yes yes yes",
}


def test_the_table_is_complete() -> None:
    assert list(TABLE) == list(Act) == list(MAY)
    assert list(PersonKind) == KINDS


@pytest.mark.parametrize(("act", "kind"), list(itertools.product(Act, PersonKind)))
def test_each_cell_is_a_yes_or_a_sentence_that_names_the_rule_and_who_can(act: Act, kind: PersonKind) -> None:
    expected = TABLE[act].split()[KINDS.index(kind)] == "yes"
    assert may(kind, act) is expected
    if expected:
        allow(kind, act)
        return
    with pytest.raises(NotAllowed) as refusal:
        allow(kind, act)
    text = str(refusal.value)
    assert text.startswith(f"Nothing was done: {act} is for ")
    assert "ask any member." in text or "say it again" in text


def test_everything_that_acts_can_be_said_or_pressed() -> None:
    words = {*commands.load(), *CLICKS, *FOLLOWED}
    assert set(ACTS) <= words
    assert act_of("note") is Act.SPEAK


def test_a_refusal_names_who_leads(say: Talk) -> None:
    say("lead <@UBEN|ben>")
    reply = say.reply("close", kind=PersonKind.GUEST)
    assert reply.text == (
        "Nothing was done: closing and reopening is for members of this workspace, and you are a guest; "
        "ask ben (commander), or any member."
    )
    assert say.incident().open


@pytest.mark.parametrize("word", ["note x", "at 10:40 x", "status monitoring", "sev 1", "lead", "timeline", "catchup"])
@pytest.mark.parametrize("kind", [PersonKind.GUEST, PersonKind.SINGLE_CHANNEL_GUEST, PersonKind.STRANGER])
def test_speaking_is_open(say: Talk, word: str, kind: PersonKind) -> None:
    assert say.reply(word, kind=kind).ok


@pytest.mark.parametrize("word", sorted(commands.load()))
def test_nobody_who_left_and_no_bot_does_anything(say: Talk, word: str) -> None:
    for kind in (PersonKind.DEACTIVATED, PersonKind.BOT):
        reply = say.reply(f"{word} x", kind=kind)
        assert (reply.ok, reply.text.startswith("Nothing was done: ")) == (False, True)
    assert len(say.incident().entries) == 1
