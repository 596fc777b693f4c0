"""action, actions, done."""

import pytest

from tests.talk import Talk


def test_an_action_with_owner_and_date(say: Talk) -> None:
    assert say("action @ana by 2026-12-01 test every config") == "A1 for ana by 2026-12-01: test every config."
    item = say.incident().action_items[0]
    assert (item.owner, item.due, item.type, item.state) == ("ana", "2026-12-01", "prevent", "open")


def test_an_owner_may_be_a_mention(say: Talk) -> None:
    assert say("action <@U123|ben>\nby tomorrow detect: alert on ports").startswith("A1 for ben by 2026-11-23: alert")
    assert say.incident().action_items[0].type == "detect"


def test_what_is_missing_is_named(say: Talk) -> None:
    assert say("action test every config") == "A1: test every config. It has no owner and no date yet."


def test_by_without_a_date_is_text(say: Talk) -> None:
    assert say("action by hand compare the ports").startswith("A1: by hand compare the ports.")


@pytest.mark.parametrize("words", ["action", "action @ana", "action @ana by 2026-12-01"])
def test_an_action_without_text_is_refused(say: Talk, words: str) -> None:
    assert "what is to be done" in say.refused(words)


def test_actions_are_listed_and_done(say: Talk) -> None:
    assert say("actions").startswith("No actions yet.")
    say("action @ana test every config")
    assert say("actions") == "A1 open: test every config (ana, no date)"
    assert say("done a1") == "A1 done: test every config"
    assert say("done A1") == "A1 is done already."
    assert say("actions").startswith("A1 done")
    assert "there is no action A9 here; there is A1" in say.refused("done A9")


def test_words_after_actions_are_not_swallowed(say: Talk) -> None:
    assert "note speak louder" in say.refused("actions speak louder")
