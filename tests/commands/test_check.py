"""check: the checks again."""

import pytest

from tests.talk import Talk


@pytest.mark.parametrize(
    ("words", "runbook", "host"),
    [
        ("check", "", ""),
        ("check web-out-of-rotation", "web-out-of-rotation", ""),
        ("check on web-02", "", "web-02"),
        ("check web-out-of-rotation on 10.0.0.2", "web-out-of-rotation", "10.0.0.2"),
    ],
)
def test_a_check_makes_the_flow_due_and_says_nothing_else(say: Talk, words: str, runbook: str, host: str) -> None:
    assert say(words) == "The checks are running; the card shows what they find."
    due = say.store.dues()[-1]
    assert (due.flow, due.args["runbook"], due.args["host"]) == ("check", runbook, host)


@pytest.mark.parametrize("words", ["check on", "check the port please", "check on web-02 now"])
def test_other_words_run_nothing(say: Talk, words: str) -> None:
    assert say.refused(words).startswith("No check was run:")
    assert say.flows() == []
