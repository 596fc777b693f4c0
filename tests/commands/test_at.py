"""at: a line at the time when it happened."""

from datetime import UTC, datetime

import pytest

from bot.incident import Precision
from tests.talk import Talk


def test_the_time_is_said_back_in_the_authors_zone(say: Talk) -> None:
    say.zone = "Africa/Nairobi"
    assert say("at 11.15am found the wrong port") == "E2 at 11:15 EAT (08:15 UTC)"
    assert say.last.occurred_at == datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
    assert (say.last.typed, say.last.text) == ("11.15am", "found the wrong port")


def test_a_zone_in_the_words_is_stronger_than_the_authors(say: Talk) -> None:
    say.zone = "America/New_York"
    assert "08:13 UTC" in say("at 11:13 EAT restarted nginx")
    assert say.last.occurred_at == datetime(2026, 11, 22, 8, 13, tzinfo=UTC)


def test_a_range_has_two_ends(say: Talk) -> None:
    assert say("at 10:00 - 10:20 pages were slow") == "E2 at between 10:00 and 10:20 UTC"
    assert say.last.precision is Precision.RANGE
    assert say.last.ends_at == datetime(2026, 11, 22, 10, 20, tzinfo=UTC)


def test_iso_times_and_times_since_the_start_are_understood(say: Talk) -> None:
    assert say("at 2026-11-22T10:31:05Z first look") == "E2 at 10:31:05 UTC"
    say("at T+5 second look")
    assert say.last.occurred_at == datetime(2026, 11, 22, 10, 35, tzinfo=UTC)


def test_entries_stand_in_the_order_of_happening(say: Talk) -> None:
    say("note last")
    say("at 10:31 first")
    assert [e.text for e in say.incident().timeline] == ["Web is out", "first", "last"]


def test_a_time_that_no_clock_shows_is_refused_in_one_sentence(say: Talk) -> None:
    assert say.refused("at 25:61 nginx died") == (
        "Nothing was recorded: “25:61” is on no clock; hours go from 00 to 23 and minutes from 00 to 59, like 14:05"
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("at", "the time is missing"),
        ("at 10:31", "what happened at 10:31?"),
        ("at the balancer we saw refusals", "no time at the start"),
        ("at 25:61 nginx died", "Nothing was recorded: "),
        ("at 5 nginx died", "Nothing was recorded: "),
    ],
)
def test_what_is_not_clear_is_refused_with_a_suggestion(say: Talk, words: str, reason: str) -> None:
    assert reason in say.refused(words)


PASTE = """at
10:31 first look
10:34 - second look
noise without a time
10:4? third look
26:10 fourth look"""


def test_many_lines_become_an_entry_each_and_what_is_unclear_is_kept_and_asked_about(say: Talk) -> None:
    assert say(PASTE).splitlines()[:-2] == [
        "E2 at 2026-11-22 10:31 UTC: first look",
        "E3 at 2026-11-22 10:34 UTC: second look",
        "E4 kept as typed, without a time: noise without a time",
        "E5 at 2026-11-22 10:?? UTC: third look",
        "E6 kept as typed, without a time: fourth look",
        "Still to be said:",
    ]
    assert [(e.typed, e.text) for e in say.incident().timeline[3:]] == [
        ("", "noise without a time"),
        ("10:4?", "third look"),
        ("26:10", "fourth look"),
    ]


def test_an_entry_of_several_lines_is_one_entry(say: Talk) -> None:
    assert say("at 10:31 found it:\nlisten 8081\nnot 8080") == "E2 at 10:31 UTC"
    assert say.last.text == "found it:\nlisten 8081\nnot 8080"


def test_a_paste_from_the_chat_keeps_who_said_it(say: Talk) -> None:
    say("at\nAda Lovelace\n  10:31 AM\nit is the port\n\nBen Okri:palm_tree:  10:34 AM\nrestarted\nweb-02")
    entries = say.incident().entries[1:]
    assert [(e.author.name, e.typed, e.text) for e in entries] == [
        ("Ada Lovelace", "10:31 AM", "it is the port"),
        ("Ben Okri", "10:34 AM", "restarted web-02"),
    ]
