"""Wording that blames is flagged with a proposal; wording that does not is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.postmortem.wording import Wording

ROSTER = {"Ada Lovelace": "the commander", "Ada": "the commander", "U0ADA": "the commander", "Ben": "a responder"}


def rules_of(text: str, *, lessons: bool = False) -> set[str]:
    return {flag.rule for flag in Wording().read(text, lessons=lessons).flags}


@pytest.mark.parametrize(
    ("rule", "text", "proposal"),
    [
        ("B1", "a junior developer had changed the server block", "a developer had changed the server block"),
        ("B1", "the new intern pressed it", "the team member pressed it"),
        ("B1", "An inexperienced operator ran it", "An operator ran it"),
        ("B2", "the root cause was a human error", "the root cause was a manual step"),
        ("B2", "Operator errors happen", "Manual steps happen"),
        ("B3", "we failed to validate the input", "missing step: validate the input"),
        ("B3", "The developer forgot to run the tests", "Missing step: run the tests"),
        ("B3", "an engineer unintentionally deleted the folder", "an engineer deleted the folder"),
        ("B3", "an engineer accidentally deleted the folder", "an engineer deleted the folder"),
        ("B3", "the on-call did not check the log", "missing step: check the log"),
        ("B3", "the team did not notice the alert", "missing step: notice the alert"),
        ("B3", "An on-call engineer ignored the page", "Not acted on: the page"),
        ("B4", "It should have been tested", "It had not been tested"),
        ("B4", "it shouldn't have been rushed", "it had been rushed"),
        ("B5", "it could have been prevented by a test", "it had not been prevented by a test"),
        ("B6", "be more careful when making changes", "be supported by a check (which one?) when making changes"),
        ("B6", "a careless change", "a change"),
        ("B7", "The incident was caused by a junior developer", "The incident was caused by a change"),
        ("B7", "it was pushed by our SRE", "it was pushed"),
        ("B7", "caused by an engineer who renamed it", "caused by a change: an engineer renamed it"),
    ],
)
def test_blame_is_flagged_and_something_neutral_proposed(rule: str, text: str, proposal: str) -> None:
    assert rule in rules_of(text)
    assert Wording().read(text).text.casefold() == proposal.casefold()


@pytest.mark.parametrize(
    "text",
    [
        "git blame showed the commit",
        "failed login attempts rose",
        "the server failed to come back",
        "Nginx had failed to start",
        "the culprit was a memory leak",
        "images are lazy-loaded",
        "user error reports doubled",
        "an authentication fault",
        "the schema was at fault",
        "Nginx, responsible for serving files",
        "an accidental change",
        "fault injection on Tuesday",
        "the error budget is spent",
        "Network Blame",
        "the internal network and the intranet",
        "intern-db-01 does not answer",
        "the setting was now being ignored",
        "incorrectly configured",
        "every action item should have a GitHub issue",
        "a careful deployment",
        "`junior` is the name of a branch",
        "see https://wiki.example/human-error/junior",
        "caused by a full disk",
    ],
)
def test_software_and_terms_of_the_trade_are_never_flagged(text: str) -> None:
    assert rules_of(text) == set()
    assert Wording().read(text).text == text


def test_hindsight_is_allowed_in_lessons_and_actions() -> None:
    assert rules_of("it should have been tested", lessons=True) == set()
    assert rules_of("be more careful", lessons=True) == {"B6"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Lovelace restarted it", "The commander restarted it"),
        ("restarted by Ada", "restarted by the commander"),
        ("thanks <@U0ADA>", "thanks the commander"),
        ("asked @somebody-else", "asked a responder"),
        ("@oncall-web was paged", "oncall-web was paged"),
        ("Adamant and Benchmark", "Adamant and Benchmark"),
        ("/home/Ada/x", "/home/Ada/x"),
    ],
)
def test_names_become_roles(text: str, shown: str) -> None:
    assert Wording(ROSTER, groups={"@oncall-web"}).read(text).text == shown


def test_a_name_is_never_repeated_in_what_was_flagged() -> None:
    reading = Wording(ROSTER).read("Ada Lovelace is a junior developer")
    assert "Ada" not in reading.recorded
    assert {"B1", "B8"} == {flag.rule for flag in reading.flags}


def test_one_person_is_a_warning_and_we_is_milder() -> None:
    assert [f.severity for f in Wording().read("she forgot to test").flags] == ["high"]
    assert [f.severity for f in Wording().read("we forgot to test").flags] == ["medium"]


BITS = st.sampled_from(
    [
        "a",
        "the",
        "junior",
        "developer",
        "we",
        "forgot",
        "to",
        "failed",
        "human",
        "error",
        "caused",
        "by",
        "an",
        "engineer",
        "should",
        "have",
        "been",
        "tested",
        "could",
        "would",
        "more",
        "careful",
        "careless",
        "lazy",
        "Ada",
        "@x",
        "pushed",
        "deleted",
        "who",
        "did",
        "not",
        "check",
        "notice",
        "ignored",
        "misread",
        ".",
        ",",
        "intern",
        "new",
        "hire",
    ]
)


@given(st.lists(BITS, max_size=25).map(" ".join))
def test_a_proposal_is_never_flagged_again(text: str) -> None:
    wording = Wording(ROSTER)
    proposal = wording.read(text).text
    assert {f.rule for f in wording.read(proposal).flags} == set()
