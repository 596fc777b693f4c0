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
