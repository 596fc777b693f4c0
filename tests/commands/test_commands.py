"""The registry of words."""

import pytest

from bot import commands
from bot.commands import COMMANDS, Asked, Outcome


def test_loading_twice_registers_nothing_twice() -> None:
    assert commands.load() is COMMANDS
    assert len(commands.load()) == len(COMMANDS)


def test_no_two_words_are_the_same() -> None:
    def again(asked: Asked) -> Outcome:  # noqa: ARG001 - the shape of a command
        return Outcome(text="")

    commands.load()
    with pytest.raises(ValueError, match="two commands are called 'note'"):
        commands.add("note", again, usage="", help="", order=1)


def test_a_word_that_takes_an_incident_says_so() -> None:
    commands.load()
    without = {name for name, command in COMMANDS.items() if not command.needs_incident}
    assert without == {"declare", "health", "help", "list"}
