"""fix, drop, restore, history."""

from datetime import UTC, datetime

import pytest

from tests.talk import BEN, Talk


@pytest.fixture(autouse=True)
def _noted(say: Talk) -> None:
    say("note found the wrong port")


def test_fixing_the_text_keeps_the_old_one(say: Talk) -> None:
    assert say("fix E2 found port 8081") == "E2: found port 8081"
    assert (say.last.text, say.last.history[0].text) == ("found port 8081", "found the wrong port")


def test_fixing_the_time_moves_the_entry(say: Talk) -> None:
    say("note later")
    say.zone = "Africa/Nairobi"
    assert say("fix e2 at 13:31") == "E2 at 13:31 EAT (10:31 UTC)"
    entry = say.incident().entries[1]
    assert entry.occurred_at == datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
    assert entry.text == "found the wrong port"


@pytest.mark.parametrize("words", ["fix E2: at 10:31 found port 8081", "fix E2\nat\t10:31 found port 8081"])
def test_time_and_text_can_be_fixed_at_once(say: Talk, words: str) -> None:
    assert say(words) == "E2 at 10:31 UTC"
    assert (say.last.text, say.last.typed) == ("found port 8081", "10:31")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("fix", "the entry's id (such as E4) is missing"),
        ("fix E2", "say what E2 should be"),
        ("fix E9 other", "there is no entry E9; there is E1 to E2"),
        ("fix E2 at", "there is no time"),
        ("fix E2 at the balancer", "there is no time"),
        ("drop", "is missing"),
        ("drop E2 it was wrong", "note it was wrong"),
        ("history the port", "there is no entry THE"),
    ],
)
def test_what_is_not_clear_changes_nothing(say: Talk, words: str, reason: str) -> None:
    assert reason in say.refused(words)


def test_dropping_hides_and_restoring_shows(say: Talk) -> None:
    assert say("drop E2") == "E2 dropped; “restore E2” brings it back."
    assert "wrong port" not in say("timeline")
    say("drop E2")
    assert say("restore E2") == "E2 is in the timeline."
    assert "wrong port" in say("timeline")
    assert [revision.dropped for revision in say.last.history] == [False, True]


def test_the_history_says_who_when_before_and_after(say: Talk) -> None:
    assert say("history E2") == "E2 was never changed: 2026-11-22 10:45 UTC found the wrong port"
    say.later(5)
    say.author = BEN
    say("fix E2 at 10:31 found port 8081")
    say("drop E2")
    assert say("history E2").splitlines() == [
        "until 2026-11-22 10:50 UTC (ben): 2026-11-22 10:45 UTC found the wrong port",
        "until 2026-11-22 10:50 UTC (ben): 2026-11-22 10:31 UTC found port 8081",
        "now: 2026-11-22 10:31 UTC found port 8081 [dropped]",
    ]
