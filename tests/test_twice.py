"""The same words of one person within a few seconds are one thing; whatever differs is another."""

from __future__ import annotations

import pytest

from tests.talk import BEN, Talk, open_incident


@pytest.mark.parametrize(
    "words",
    [
        "note rolled back",
        "at 10:31 rolled back",
        "impact checkout fails",
        "action @ana by 2026-12-24 test every config",
    ],
)
def test_pressing_enter_again_adds_nothing_and_asks(say: Talk, words: str) -> None:
    say(words)
    say.later(minutes=0.1)
    assert say.refused(words) == (
        "Nothing was added: E2 says just that, recorded 6 s ago. Did it happen twice? Then say when: at TIME TEXT"
    )
    assert len(say.incident().entries) == 2
    say.later(minutes=0.2)
    say(words)
    assert len(say.incident().entries) == 3


def test_other_words_another_time_another_person_or_another_place_are_another_thing(say: Talk) -> None:
    say("note rolled back")
    say("note rolled back again")
    say("finding rolled back")
    say("at 10:31 rolled back")
    say("at 10:32 rolled back")
    say.author = BEN
    say("note rolled back")
    open_incident(say.store, title="Second", channel="C2")
    say.channel = "C2"
    say("note rolled back")
    assert [len(say.incident(n).entries) for n in (1, 2)] == [7, 2]


def test_what_was_dropped_may_be_said_again(say: Talk) -> None:
    say("note rolled back")
    say("drop E2")
    say("note rolled back")
    assert [e.dropped for e in say.incident().entries[1:]] == [True, False]


def test_lines_of_a_file_at_the_terminal_are_never_taken_for_a_slip(say: Talk) -> None:
    say.channel = ""
    say("note rolled back")
    say("note rolled back")
    assert len(say.incident().entries) == 3


def test_what_changes_nothing_new_is_answered_as_ever(say: Talk) -> None:
    say("sev 1")
    assert say.reply("sev 1").ok


def test_declaring_again_opens_nothing_and_shows_the_way_to_the_first(say: Talk) -> None:
    say.channel = "COPS"
    say("declare pages are slow")
    say.later(minutes=0.1)
    assert say.refused("declare pages are slow") == (
        "Nothing was opened: INC-2 is just that, opened 6 s ago; for another one use other words."
    )
    assert say.flows() == [("open", 2), ("where", 2)]
    say.refused("Pages are slow".lower())
    assert len(say.store.summaries()) == 2
    say.later(minutes=0.3)
    assert "INC-3" in say("declare pages are slow")


def test_a_long_title_said_again_is_known_by_all_of_it(say: Talk) -> None:
    say.channel = "COPS"
    words = "declare " + "pages are slow and " * 20
    say(words + "so on")
    say.refused(words + "so on")
    assert "INC-3" in say(words + "so forth")


def test_another_title_another_person_privately_or_after_it_is_over_is_another_incident(say: Talk) -> None:
    say.channel = "COPS"
    say("declare pages are slow")
    say("declare pages are slower")
    say("declare --private pages are slow")
    say.author = BEN
    say("declare pages are slow")
    say("INC-5 close")
    say("declare pages are slow")
    assert [s.number for s in say.store.summaries()] == [1, 2, 3, 4, 5, 6]


def test_at_the_terminal_the_same_is_opened_as_often_as_it_is_said(say: Talk) -> None:
    say.channel = ""
    say("declare pages are slow")
    say("declare pages are slow")
    assert len(say.store.summaries()) == 3
