"""sev: how bad it is."""

import pytest

from bot.incident import Kind
from tests.talk import Talk


@pytest.mark.parametrize("words", ["sev 1", "sev SEV1", "sev sev1"])
def test_setting_it(say: Talk, words: str) -> None:
    assert say(words) == "Severity SEV3 → SEV1."
    assert say.incident().severity == "SEV1"
    assert say(words) == "It is SEV1 already."


def test_the_reason_is_kept(say: Talk) -> None:
    say("sev 2 checkout is down, too")
    assert [(e.kind, e.text) for e in say.incident().entries[1:]] == [
        (Kind.SEVERITY, "Severity SEV3 → SEV2"),
        (Kind.NOTE, "checkout is down, too"),
    ]


@pytest.mark.parametrize("words", ["sev", "sev 9", "sev bad"])
def test_another_word_changes_nothing(say: Talk, words: str) -> None:
    assert "say one of SEV1, SEV2, SEV3, SEV4, SEV5" in say.refused(words)


def test_alone_it_says_what_it_may_be(say: Talk) -> None:
    assert say.refused("sev") == "The severity stays SEV3: say one of SEV1, SEV2, SEV3, SEV4, SEV5."
