"""Whatever people say: the right word, the right incident, once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS
from bot.meant import OTHER_NAMES, one_slip
from bot.ports import PersonKind
from bot.said import Reply
from bot.store import Store
from tests.talk import Talk, open_incident


@pytest.fixture
def say(store: Store) -> Talk:
    """Ana in the channel of INC-1, on each kind of database."""
    open_incident(store)
    return Talk(store)


@pytest.fixture
def quick(sqlite_url: str) -> Iterator[Talk]:
    """The same on SQLite alone."""
    store = Store.open(sqlite_url)
    open_incident(store)
    yield Talk(store)
    store.close()


# Where nothing is open, a title is enough


def test_a_bare_title_opens_an_incident_outside_of_one(say: Talk) -> None:
    say.channel = "CGENERAL"
    reply = say.reply("Pages are slow")
    assert reply == Reply(text="INC-2 opened: Pages are slow", incident=2, opened=True)


def test_a_bare_title_in_a_conversation_opens_nothing_and_says_how(say: Talk) -> None:
    say.channel = "CGENERAL"
    reply = say.reply("what is this?", talk=True)
    assert (reply.ok, reply.opened, say.store.incident(2)) == (False, False, None)
    assert "to open an incident: declare what is this?" in reply.text
    assert say.reply("declare Pages are slow", talk=True).opened


@pytest.mark.parametrize("hyphen", ["\u2010", "\u2011", "\u2013", "\u2014", "\u2212"])
def test_a_hyphen_of_a_phone_is_one(say: Talk, hyphen: str) -> None:
    assert say(f"ruled{hyphen}out the network") == "E2: ruled-out recorded."
    say.channel = ""
    assert say(f"inc{hyphen}1 note it is the disk") == "E3 noted."
    assert say.refused(f"INC-1 merge INC{hyphen}9").startswith("Nothing was done: there is no INC-9")


def test_inside_a_channel_unknown_words_record_nothing_and_get_a_suggestion(say: Talk) -> None:
    assert say.refused("Pages are slow") == (
        "Nothing was recorded: “pages” is no word here; to keep it say: note Pages are slow"
    )


@pytest.mark.parametrize("title", ["Nte web-02 is down", "delcare it", "lists of orders", "ack2", "stauts page down"])
def test_one_slip_away_from_a_word_opens_nothing_and_asks(say: Talk, title: str) -> None:
    say.channel = "CGENERAL"
    assert "did you mean “" in (asked := say.refused(title))
    assert ("did you mean “declare it”?" if title == "delcare it" else f"To open an incident: declare {title}") in asked


def test_a_slip_inside_a_channel_is_asked_about_too(say: Talk) -> None:
    assert say.refused("nots rolled back") == "Nothing was recorded: did you mean “note rolled back”?"
    assert say.refused("helth of web-02") == (
        "Nothing was recorded: did you mean “health of web-02”? To keep it say: note helth of web-02"
    )


def test_what_other_tools_call_a_word_is_told_in_ours_and_never_taken_for_it(say: Talk) -> None:
    assert say.refused("handover @ben") == (
        "Nothing was recorded: “handover” is no word here, there is “lead [@user]”; to keep it say: note handover @ben"
    )
    assert not OTHER_NAMES.keys() & COMMANDS.keys()
    assert set(OTHER_NAMES.values()) <= COMMANDS.keys()
    say.channel = "CGENERAL"
    assert say.reply("Start page is down").opened


def test_a_repair_cannot_be_approved_in_words_and_the_answer_says_how_it_is(say: Talk) -> None:
    assert "the button on the card only" in say.refused("approve")


@pytest.mark.parametrize("words", ["sev1 everybody", "SEV-1 everybody"])
def test_a_severity_is_heard_also_without_its_space(say: Talk, words: str) -> None:
    assert say(words) == "Severity SEV3 → SEV1."
    say.channel = "CGENERAL"
    assert "declare sev1 checkout is down" in say.refused("sev1 checkout is down")


def test_who_names_no_incident_is_told_which_are_open_and_only_those_that_they_may_see(say: Talk) -> None:
    open_incident(say.store, title="Secret", channel="C2", private=True)
    say.channel = "CGENERAL"
    assert say.refused("who") == (
        "Nothing was recorded: say that in an incident's channel, or name it: INC-n who (open: INC-1 Web is out)"
    )
    assert "Web is out" not in say.reply("who", kind=PersonKind.STRANGER).text


def test_a_known_word_outside_of_an_incident_opens_nothing(say: Talk) -> None:
    say.channel = "CGENERAL"
    asked = say.refused("status page is down")
    assert "INC-n status page is down" in asked
    assert "declare status page is down" in asked


def test_declaring_inside_a_channel_opens_another_one(say: Talk) -> None:
    assert say("declare Checkout is down") == "INC-2 opened: Checkout is down"
    assert say.incident(1).entries == say.incident(1).entries[:1]


# Which incident


@pytest.mark.parametrize("prefix", ["INC-2 ", "inc-2: ", "INC-2, ", " INC-2\n"])
def test_an_incident_can_be_named_anywhere(say: Talk, prefix: str) -> None:
    open_incident(say.store, title="Second", channel="C2")
    assert say(f"{prefix}note hi") == "E2 noted."
    assert say.incident(2).entries[-1].text == "hi"


def test_a_named_incident_alone_tells_its_status(say: Talk) -> None:
    assert say("INC-1") == "INC-1 is investigating, SEV3: Web is out"


@pytest.mark.parametrize("number", ["9", "0", "99999999999", "9" * 5000])
def test_an_incident_that_is_not_there_is_refused_and_kept_as_heard(say: Talk, number: str) -> None:
    say.channel = "CGENERAL"
    assert "Nothing was done" in say.refused(f"INC-{number} note hi")
    assert say.store.unanswered() == []


def test_at_the_terminal_the_only_open_incident_is_meant(say: Talk) -> None:
    say.channel = ""
    assert say("note hi") == "E2 noted."
    assert say.last.source.type == "cli"


def test_at_the_terminal_two_open_incidents_are_listed(say: Talk) -> None:
    open_incident(say.store, title="Second", channel="C2")
    say.channel = ""
    assert say.refused("note hi") == (
        "Nothing was recorded: which incident? Open are INC-1 (Web is out), INC-2 (Second). Say INC-n note hi"
    )
    say("INC-2 close")
    assert say("note hi") == "E2 noted."


def test_at_the_terminal_without_any_incident_one_is_told_how_to_open_it(say: Talk) -> None:
    say("close")
    say.channel = ""
    assert "no incident is open; to open one: declare note hi" in say.refused("note hi")
    assert say("Pages are slow") == "INC-2 opened: Pages are slow"


def test_a_private_incident_is_not_there_for_those_outside(say: Talk) -> None:
    open_incident(say.store, title="Secret", channel="C2", private=True)
    assert say.refused("INC-2 timeline") == say.refused("INC-3 timeline").replace("INC-3", "INC-2")
    say.channel = "C2"
    assert "Secret" in say("timeline")
    say.channel = ""
    assert "Secret" in say("INC-2 timeline")


# Once


def test_heard_twice_gives_the_same_reply_and_one_effect(say: Talk) -> None:
    first = say.reply("note hi", key="k1")
    assert say.reply("note hi", key="k1") == first
    assert [e.text for e in say.incident().entries] == ["Web is out", "hi"]


def test_a_declaration_heard_twice_opens_one_incident(say: Talk) -> None:
    say.channel = "CGENERAL"
    assert [say.reply("declare Pages are slow", key="k1").incident for _ in range(3)] == [2, 2, 2]
    assert len(say.store.summaries()) == 2
    assert say.flows() == [("open", 2)]


def test_a_refusal_heard_twice_stays_a_refusal(say: Talk) -> None:
    first = say.reply("sev 9", key="k1")
    assert say.reply("sev 1", key="k1") == first
    assert say.store.unanswered() == []


def test_what_was_kept_before_it_is_answered_is_answered_once(say: Talk) -> None:
    reply = say.reply("note hi", key="k0")
    with say.store.transaction() as tx:
        kept = tx.reply_to("k0")
    assert kept == reply


def test_many_at_once_are_one_after_the_other(say: Talk) -> None:
    keys = [f"k{n % 12}" for n in range(24)]
    with ThreadPoolExecutor(8) as people:
        replies = list(people.map(lambda key: say.reply(f"note {key}", key=key).text, keys))
        opened = list(people.map(lambda n: say.reply(f"declare {n}", channel="", key=f"d{n % 3}").incident, range(9)))
    said = {f"{e.id} noted.": e.text for e in say.incident().entries}
    assert [said[reply] for reply in replies] == keys
    assert len(said) == 13
    assert set(opened) == {2, 3, 4}


# Zones


def test_an_unknown_zone_of_an_author_does_no_harm(say: Talk) -> None:
    for zone in ("Mars/Olympus", "Africa", "x" * 300, ""):
        say.zone = zone
        say.later(minutes=1)
        assert say("at 10:31 x").endswith("at 10:31 UTC")


def test_a_zone_may_be_an_abbreviation(say: Talk) -> None:
    say.zone = "EAT"
    assert say("at 13:31 x") == "E2 at 13:31 EAT (10:31 UTC)"


# Anything at all

WORDS = st.sampled_from([*COMMANDS, "INC-1", "INC-9", "on", "E1", "at", "10:31", "by", "@ana", "-", "nte"])
SENTENCES = st.one_of(st.text(max_size=60), st.lists(WORDS | st.text(max_size=8), max_size=6).map(" ".join))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=SENTENCES, channel=st.sampled_from(["C1", "CGENERAL", ""]))
@example(text="fix E1 at", channel="C1")
@example(text="fix E1 \x1f", channel="C1")
@example(text="INC-1 sev \u00a0", channel="")
def test_any_text_gets_a_reply_and_a_no_changes_nothing(quick: Talk, text: str, channel: str) -> None:
    heads = {s.number: quick.store.head(s.number) for s in quick.store.summaries()}
    reply = replace(quick, channel=channel).reply(text)
    assert reply.text
    after = {s.number: quick.store.head(s.number) for s in quick.store.summaries()}
    assert reply.ok or after == heads
    assert not quick.store.unanswered()


LETTERS = "abcde"
SHORT = ["".join(letters) for n in (1, 2, 3) for letters in itertools.product(LETTERS[:3], repeat=n)]


def slips(word: str) -> set[str]:
    """Every word that one slip makes of this one."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    left_out = {a + b[1:] for a, b in cuts if b}
    added = {a + letter + b for a, b in cuts for letter in LETTERS}
    changed = {a + letter + b[1:] for a, b in cuts if b for letter in LETTERS}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return (left_out | added | changed | swapped) - {word}


@settings(max_examples=300)
@given(known=st.text(LETTERS, min_size=3, max_size=7), data=st.data())
def test_every_slip_is_noticed(known: str, data: st.DataObject) -> None:
    assert one_slip(data.draw(st.sampled_from(sorted(slips(known)))), known)


@settings(max_examples=300)
@given(word=st.text(LETTERS, max_size=6), known=st.text(LETTERS, min_size=3, max_size=6))
def test_only_slips_are_noticed(word: str, known: str) -> None:
    assert one_slip(word, known) == (word in slips(known))


def test_very_short_words_are_nobodys_slip() -> None:
    assert not any(one_slip(word, "at") for word in SHORT)
