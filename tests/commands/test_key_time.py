"""began, detected, ack, mitigated."""

from datetime import UTC, datetime

import pytest

from bot.incident import Kind, Status
from tests.talk import NOW, Talk


def clock(hour: int, minute: int) -> datetime:
    return datetime(2026, 11, 22, hour, minute, tzinfo=UTC)


def test_the_impact_may_have_begun_before_the_first_alert(say: Talk) -> None:
    assert say("began 10:20") == "E2: began at 10:20 UTC"
    assert say.incident().impact_started_at == clock(10, 20)


def test_detection_may_be_stated(say: Talk) -> None:
    assert say("detected 10:25 by a customer") == "E2: detected at 10:25 UTC"
    assert (say.incident().detected_at, say.last.text) == (clock(10, 25), "by a customer")


@pytest.mark.parametrize("words", ["began", "detected", "began when the deploy went out"])
def test_these_need_a_time(say: Talk, words: str) -> None:
    assert "time" in say.refused(words)


def test_taking_it_needs_one_word(say: Talk) -> None:
    assert say("ack") == "E2: acknowledged."
    assert (say.last.kind, say.incident().acknowledged_at) == (Kind.ACKNOWLEDGED, NOW)


def test_a_second_ack_moves_nothing_and_its_words_are_kept(say: Talk) -> None:
    say("ack")
    say.later(10)
    assert say("ack").startswith("INC-1 is acknowledged already.")
    assert say("ack on it, too") == "INC-1 is acknowledged already. To correct when: ack TIME. E3 noted."
    assert (say.last.kind, say.last.text) == (Kind.NOTE, "on it, too")
    assert say.incident().acknowledged_at == NOW
    assert say("ack 10:35") == "E4: acknowledged at 10:35 UTC"
    assert say.incident().acknowledged_at == clock(10, 35)


def test_users_are_fine_again(say: Talk) -> None:
    assert say("mitigated 10:40 traffic moved to web-01") == "E2: mitigated at 10:40 UTC"
    assert (say.incident().mitigated_at, say.incident().status) == (clock(10, 40), Status.MONITORING)
    assert say.last.text == "traffic moved to web-01"


def test_words_that_are_no_time_are_text(say: Talk) -> None:
    say("mitigated 2/3 of the traffic is back")
    assert say.last.text == "2/3 of the traffic is back"
