"""sev: how bad it is."""

import pytest

from bot.incident import Kind
from bot.policy import Policy
from tests.talk import Talk


@pytest.mark.parametrize("words", ["sev 1", "sev SEV1", "sev sev1", "sev Sev-1", "sev\u20131", "sev P1", "sev 01"])
def test_setting_it(say: Talk, words: str) -> None:
    assert say(words) == "Severity SEV3 → SEV1."
    assert say.incident().severity == "SEV1"
    assert say(words) == "It is SEV1 already."


@pytest.mark.parametrize(
    ("named", "words", "wanted"),
    [
        (("P1", "P2", "P3"), "sev 1", "P1"),
        (("P1", "P2", "P3"), "sev sev2", "P2"),
        (("SEV0", "SEV1", "SEV2"), "sev 0", "SEV0"),
        (("SEV0", "SEV1", "SEV2"), "sev 1", "SEV1"),
        (("critical", "major", "minor"), "sev 1", "critical"),
        (("critical", "major", "minor"), "sev3 not so bad", "minor"),
        (("critical", "major", "minor"), "sev Major", "major"),
    ],
)
def test_a_number_means_what_the_policy_calls_by_it(say: Talk, named: tuple[str, ...], words: str, wanted: str) -> None:
    say.policy = Policy(severities=named)
    assert say(words) == f"Severity SEV3 → {wanted}."


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
