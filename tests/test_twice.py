"""The same words of one person within a few seconds are one thing; whatever differs is another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.store import Store
from tests.talk import BEN, Talk, open_incident


@pytest.fixture
def say(sqlite_url: str) -> Iterator[Talk]:
    store = Store.open(sqlite_url)
    open_incident(store)
    yield Talk(store)
    store.close()


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
