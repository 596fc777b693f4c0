"""status: where it stands."""

import pytest

from bot.facts import StepFailed
from bot.incident import Status
from tests.talk import Talk


def test_alone_it_tells(say: Talk) -> None:
    assert say("status") == "INC-1 is investigating, SEV3: Web is out"


def test_alone_it_names_what_of_ours_failed_and_the_way_out(say: Talk) -> None:
    say.record(StepFailed(step="topic", text="Slack refused it: is_archived.", fix="Unarchive the channel."))
    assert say("status").splitlines()[1:] == ["Topic failed: Slack refused it: is_archived. Unarchive the channel."]


@pytest.mark.parametrize(("word", "status"), [("identified", Status.IDENTIFIED), ("M", Status.MONITORING)])
def test_setting_it(say: Talk, word: str, status: Status) -> None:
    assert say(f"status {word}") == f"Status: {status}."
    assert say.incident().status is status


@pytest.mark.parametrize("words", ["status i", "status fine", "status page is down"])
def test_other_words_change_nothing(say: Talk, words: str) -> None:
    assert "say one of investigating, identified, monitoring" in say.refused(words)


@pytest.mark.parametrize(("word", "verb"), [("resolved", "resolve"), ("closed", "close")])
def test_the_end_has_words_of_its_own(say: Talk, word: str, verb: str) -> None:
    assert f"say “{verb}” for that" in say.refused(f"status {word}")


@pytest.mark.parametrize("end", ["resolve", "close"])
def test_what_is_over_is_reopened_first(say: Talk, end: str) -> None:
    say(end)
    assert "“reopen” first" in say.refused("status monitoring")
