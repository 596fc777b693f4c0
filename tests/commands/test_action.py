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


def test_priority_test_and_ticket_are_heard_in_any_order(say: Talk) -> None:
    say("action P1 by 2026-12-01 @ana detect: alert on ports; done when CI fails on a wrong port")
    say("action test every config, done when: it is a gate. ticket OPS-12")
    one, two = say.incident().action_items
    assert (one.text, one.owner, one.priority, one.type) == ("alert on ports", "ana", "P1", "detect")
    assert one.done_when == "CI fails on a wrong port"
    assert (two.text, two.done_when) == ("test every config", "it is a gate. ticket OPS-12")


def test_what_an_action_lacks_is_added_later(say: Talk) -> None:
    say("action test every config")
    assert say("action A1 @ben by 2026-12-01 p2 ticket OPS-12") == (
        "A1: ticket OPS-12, owner ben, due 2026-12-01, priority P2."
    )
    assert say("actions") == "A1 open: test every config (ben, 2026-12-01, P2, OPS-12)"
    assert say.last.text == "Changed: test every config"
    assert "say what A1 lacks" in say.refused("action A1")
    assert "there is no action A2 here; there is A1" in say.refused("action A2 by friday")
    say("action A1: test every config and its peers")
    assert say.incident().action_items[0].text == "test every config and its peers"


@pytest.mark.parametrize(
    "text", ["open a ticket for it", "p10 is full", "low disk alert", "find out when it is done", "a1x is slow"]
)
def test_words_that_only_look_like_parts_are_text(say: Talk, text: str) -> None:
    say(f"action {text}")
    assert say.incident().action_items[0].text == text
