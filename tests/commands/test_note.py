"""note: a line in the timeline, now."""

from bot.incident import Kind
from tests.talk import ANA, NOW, Talk


def test_a_note_is_kept_as_it_was_said(say: Talk) -> None:
    assert say("note rolled back  web-02 <b> {id}") == "E2 noted."
    entry = say.last
    assert (entry.kind, entry.text, entry.occurred_at) == (Kind.NOTE, "rolled back  web-02 <b> {id}", NOW)
    assert (entry.author, entry.source.type) == (ANA, "command")


def test_a_note_may_have_several_lines_and_any_case(say: Talk) -> None:
    assert say("  NOTE\nfirst\nsecond ") == "E2 noted."
    assert say.last.text == "first\nsecond"


def test_a_note_without_text_is_refused(say: Talk) -> None:
    assert say.refused("note") == "Nothing was recorded: the text is missing; say it after the word."
